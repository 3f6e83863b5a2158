/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kqueue object: how it is made, found by number, and how it ends.
 *
 * The descriptor is the epoll set itself.  A kqueue ends when the last number
 * that means it is closed.  close() is async-signal-safe, so it never waits
 * for a lock: it takes the number out of the table, and then either has the
 * lock and tears the kqueue down, or leaves that to the holder.  Threads that
 * sleep in kevent() are woken by a descriptor that becomes readable; it has to
 * stay until the last of them is out, who then puts the memory on the list of
 * free kqueues.
 */
#define	_GNU_SOURCE
#include "kqueue_var.h"

#include <fcntl.h>

#include "filter.h"

static void	kqueue_destroy(struct kqueue *);

struct kqueue *
kqueue_byslot(uint32_t slot)
{
	struct kqroot *root;
	struct kqueue **block;

	if ((root = kqroot_peek()) == NULL || slot == 0 ||
	    slot > atomic_load(&root->r_nkq))
		return (NULL);
	block = atomic_load_explicit(&root->r_kqblocks[slot / 1024],
	    memory_order_acquire);
	return (block == NULL ? NULL : block[slot % 1024]);
}

/* A struct kqueue, old or new; not alive yet. */
static int
kqueue_alloc(struct kqroot *root, struct kqueue **kqp)
{
	struct kqueue **block, *kq, *next;
	uint32_t slot;

	kq_lock(&root->r_lock);
	/* Acquire: pairs with kqueue_free(). */
	kq = atomic_load_explicit(&root->r_kqfree, memory_order_acquire);
	while (kq != NULL) {
		next = kq->kq_freenext;
		if (atomic_compare_exchange_weak_explicit(&root->r_kqfree, &kq,
		    next, memory_order_acquire, memory_order_acquire))
			break;
	}
	kq_unlock(&root->r_lock);
	if (kq != NULL) {
		*kqp = kq;
		return (0);
	}
	if ((kq = arena_alloc(sizeof(*kq))) == NULL)
		return (ENOMEM);
	kq_lock(&root->r_lock);
	slot = atomic_load(&root->r_nkq) + 1;
	/* 20 bits of epoll_data, and what r_kqblocks holds. */
	if (slot >= 1024 * 1024 - 1) {
		kq_unlock(&root->r_lock);
		arena_free(kq, sizeof(*kq));
		return (ENFILE);
	}
	block = atomic_load_explicit(&root->r_kqblocks[slot / 1024],
	    memory_order_relaxed);
	if (block == NULL) {
		/* arena_alloc() takes the lock itself. */
		kq_unlock(&root->r_lock);
		if ((block = arena_alloc(1024 * sizeof(*block))) == NULL) {
			arena_free(kq, sizeof(*kq));
			return (ENOMEM);
		}
		kq_lock(&root->r_lock);
		slot = atomic_load(&root->r_nkq) + 1;
		if (atomic_load_explicit(&root->r_kqblocks[slot / 1024],
		    memory_order_relaxed) == NULL)
			atomic_store_explicit(&root->r_kqblocks[slot / 1024],
			    block, memory_order_release);
		else
			arena_free(block, 1024 * sizeof(*block));
		block = atomic_load_explicit(&root->r_kqblocks[slot / 1024],
		    memory_order_relaxed);
	}
	kq->kq_slot = slot;
	block[slot % 1024] = kq;
	atomic_store(&root->r_nkq, slot);
	kq_unlock(&root->r_lock);
	*kqp = kq;
	return (0);
}

static void
kqueue_free(struct kqueue *kq)
{
	struct kqroot *root;
	struct kqueue *head;

	if ((root = kqroot_peek()) == NULL)
		return;
	head = atomic_load_explicit(&root->r_kqfree, memory_order_relaxed);
	do {
		kq->kq_freenext = head;
		/* Release: whoever takes it finds it torn down. */
	} while (!atomic_compare_exchange_weak_explicit(&root->r_kqfree, &head,
	    kq, memory_order_release, memory_order_relaxed));
}

static int
kqueue_create(const struct dialect *dialect, int flags)
{
	struct fdent *fe;
	struct kqroot *root;
	struct kqueue *kq;
	int error, fd, i;

	if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) != 0) {
		errno = EINVAL;
		return (-1);
	}
	if ((error = kqroot_get(&root)) != 0 ||
	    (error = lx_epoll_create(&fd)) != 0) {
		errno = error;
		return (-1);
	}
	/* One call that is not strictly needed: it makes kq_forkchild() exact. */
	lx_fd_tag(fd);
	kq_fdreused(fd);
	if ((fe = fdtab_get(fd)) == NULL) {
		error = ENOMEM;
		goto fail;
	}
	if ((error = kqkeep_fd(fd, true)) != 0)
		goto fail;
	if ((error = kqueue_alloc(root, &kq)) != 0)
		goto fail_keep;
	/* KQ-8: O_NONBLOCK has no meaning for kevent(); it is just kept. */
	if ((flags & O_NONBLOCK) != 0)
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);

	kq_lock(&kq->kq_lock);
	TAILQ_INIT(&kq->kq_head);
	for (i = 0; i < WF_COUNT; i++)
		atomic_store(&kq->kq_nestedfd[i], -1);
	atomic_store(&kq->kq_wakefd, -1);
	kq->kq_dialect = dialect_choose(dialect);
	kq->kq_call = KQ_FIRSTCALL;
	kq->kq_seescloses = kq_interposed() != 0;
	atomic_store(&kq->kq_epfd, fd);
	atomic_store(&kq->kq_nnum, 1);
	atomic_store(&kq->kq_alive, true);
	/* Release: pairs with fdtab_kqueue(). */
	atomic_store_explicit(&fe->fe_kq, kq, memory_order_release);
	kqueue_leave(kq);
	kqueue_wakelate(root, fd);
	/*
	 * Where closes may pass us by, the bell's entry is what tells this set
	 * from another that came to the same number (kqueue_identify()).
	 */
	if (!kq->kq_seescloses) {
		kq_lock(&kq->kq_lock);
		error = kqueue_needbell(kq);
		kqueue_leave(kq);
		if (error != 0) {
			kq_fdclosing(fd);
			lx_close(fd);
			errno = error;
			return (-1);
		}
	}
	return (fd);

fail_keep:
	(void)kqkeep_fd(fd, false);
fail:
	lx_close(fd);
	errno = error;
	return (-1);
}

int
kqueue(void)
{
	return (kqueue_create(&dialect_dragonfly, 0));
}

int
kqueue1(int flags)
{
	return (kqueue_create(&dialect_dragonfly, flags));
}

/* What kqueue() and kqueue1() are under KQUEUE_DIALECT=KQUEUE_FREEBSD. */
int	kqueue_freebsd(void);
int	kqueue1_freebsd(int);

int
kqueue_freebsd(void)
{
	return (kqueue_create(&dialect_freebsd, 0));
}

int
kqueue1_freebsd(int flags)
{
	return (kqueue_create(&dialect_freebsd, flags));
}

const char *
libkqueue_version(void)
{
	return (LIBKQUEUE_VERSION);
}

/*
 * Without interposition: does the number still mean the kqueue's epoll set?
 * Adding the bell again fails with EEXIST exactly there, and changes nothing.
 */
static bool
kqueue_identify(struct kqueue *kq, int fd)
{
	if (kq->kq_bell == NULL)
		return (true);
	switch (lx_epoll_add(fd, kq->kq_bell->w_fd, 0, UINT64_MAX)) {
	case EEXIST:
		return (true);
	case 0:
		/* Somebody else's set. */
		(void)lx_epoll_del(fd, kq->kq_bell->w_fd);
		return (false);
	default:
		return (false);
	}
}

/*
 * A number that is not in the table may be a dup that was made behind our
 * back, or this may be a forked child.  A slow path: EBADF comes from here.
 */
static int
kqueue_discover(int fd, struct kqueue **kqp)
{
	enum lx_kind kind;
	struct kqroot *root;
	struct kqueue *kq;
	struct fdent *fe;
	uint32_t i, n;
	int error;

	if (atomic_load(&kq_root) == NULL)
		return (EBADF);
	if ((error = kqroot_get(&root)) != 0)
		return (error);
	if (!lx_fd_istagged(fd) || lx_fdkind(fd, &kind) != 0 ||
	    kind != LX_KIND_EPOLL)
		return (EBADF);
	n = atomic_load(&root->r_nkq);
	for (i = 1; i <= n; i++) {
		if ((kq = kqueue_byslot(i)) == NULL ||
		    !atomic_load(&kq->kq_alive) ||
		    atomic_load(&kq->kq_epfd) == fd ||	/* being closed */
		    !lx_fd_same(fd, atomic_load(&kq->kq_epfd)))
			continue;
		if ((fe = fdtab_get(fd)) == NULL || kqkeep_fd(fd, true) != 0)
			return (ENOMEM);
		kq_fddup(atomic_load(&kq->kq_epfd), fd);
		*kqp = kq;
		return (0);
	}
	return (EBADF);
}

int
kqueue_enter(int fd, struct kqueue **kqp)
{
	struct fdent *fe;
	struct kqueue *kq;
	int error;

	kq = NULL;
	if ((fe = fdtab_peek(fd)) != NULL)
		kq = atomic_load_explicit(&fe->fe_kq, memory_order_acquire);
	if (KQ_UNLIKELY(kq == NULL)) {
		if ((error = kqueue_discover(fd, &kq)) != 0)
			return (error);
		fe = fdtab_peek(fd);
	}
	kq_lock(&kq->kq_lock);
	/* It may have been closed, and even made anew, before we had the lock. */
	if (KQ_UNLIKELY(!atomic_load_explicit(&kq->kq_alive,
	    memory_order_relaxed) || atomic_load_explicit(&fe->fe_kq,
	    memory_order_relaxed) != kq)) {
		kqueue_leave(kq);
		return (EBADF);
	}
	if (KQ_UNLIKELY(!kq->kq_seescloses) && !kqueue_identify(kq, fd)) {
		kqueue_leave(kq);
		kq_fdreused(fd);
		return (EBADF);
	}
	/*
	 * What the caller names is open while he works with it; another number
	 * may be closed between our look at it and the system call.  In this
	 * order: kqueue_number() looks at kq_epfd after it cleared fe_kq.
	 */
	if (KQ_UNLIKELY(atomic_load(&kq->kq_epfd) != fd)) {
		atomic_store(&kq->kq_epfd, fd);
		if (atomic_load(&fe->fe_kq) != kq) {
			kqueue_renumber(kq, fd);
			kqueue_leave(kq);
			return (EBADF);
		}
	}
	*kqp = kq;
	return (0);
}

bool
kqueue_tryenter(struct kqueue *kq)
{
	if (!kq_lock_try(&kq->kq_lock))
		return (false);
	if (!atomic_load_explicit(&kq->kq_alive, memory_order_relaxed)) {
		kqueue_leave(kq);
		return (false);
	}
	return (true);
}

/* The bell was fetched by a harvest. */
static void
kqueue_bellfire(struct watch *w, uint32_t revents)
{
	(void)revents;
	if (!watch_kq(w)->kq_belllevel)
		watch_kq(w)->kq_attn &= ~KQA_RUNG;
}

/*
 * A kqueue that another one watches has a level bell, which stays readable
 * while the queue is looked at from outside: ringing it again would be a new
 * event for an EV_CLEAR knote out there (READ-61).
 */
static void
kqueue_levelbell(struct kqueue *kq)
{
	kq->kq_belllevel = true;
	kq->kq_bell->w_events = LX_IN;
	watch_rearm(kq, kq->kq_bell);
}

int
kqueue_needbell(struct kqueue *kq)
{
	int error, fd;

	KQ_ASSERT_LOCKED(kq);
	if (kq->kq_bell != NULL)
		return (0);
	if ((error = fdtab_own(lx_eventfd, &fd)) != 0)
		return (error);
	if ((error = source_add(kq, fd, LX_IN | LX_EDGE, kqueue_bellfire, NULL,
	    &kq->kq_bell)) != 0)
		fdtab_disown(fd);
	return (error);
}

/*
 * Have the descriptor readable if and only if something is pending that the
 * kernel does not know of (DESIGN.md 5).
 */
static void
kqueue_settle(struct kqueue *kq)
{
	if (KQ_LIKELY((kq->kq_attn & (KQA_RUNG | KQA_RINGAGAIN)) ==
	    (kq->kq_nbell > 0 ? KQA_RUNG : 0)))
		return;
	kq->kq_attn &= ~KQA_RINGAGAIN;
	if (kq->kq_nbell == 0) {
		if ((kq->kq_attn & KQA_RUNG) == 0)
			return;
		/* What it rang for was collected or deleted already. */
		lx_eventfd_drain(kq->kq_bell->w_fd);
		kq->kq_attn &= ~KQA_RUNG;
		return;
	}
	/*
	 * Only knotes that epoll or the timerfd activated get here without a
	 * bell.  If none can be had they are told again by what told them,
	 * which may let another get before them every time.
	 */
	if (kqueue_needbell(kq) == 0) {
		if (atomic_load(&kq->kq_watched) && !kq->kq_belllevel)
			kqueue_levelbell(kq);
		lx_eventfd_ring(kq->kq_bell->w_fd);
		kq->kq_attn |= KQA_RUNG;
	} else
		kqueue_unqueue(kq);
}

void
kqueue_leave(struct kqueue *kq)
{
	KQ_ASSERT_LOCKED(kq);
	for (;;) {
		if (KQ_LIKELY(atomic_load_explicit(&kq->kq_alive,
		    memory_order_relaxed)))
			kqueue_settle(kq);
		if (KQ_LIKELY(kq_lock_release(&kq->kq_lock)))
			return;
		kqueue_deferred(kq);
	}
}

void
kqueue_deferred(struct kqueue *kq)
{
	struct kqtrigger *kt;
	int fd, i;

	KQ_ASSERT_LOCKED(kq);
	if (atomic_exchange(&kq->kq_dying, false)) {
		kqueue_destroy(kq);
		return;
	}
	if (!atomic_load_explicit(&kq->kq_alive, memory_order_relaxed))
		return;
	for (i = 0; i < KQ_NCLOSED; i++) {
		if (atomic_load(&kq->kq_closed[i]) == 0)
			continue;
		if ((fd = atomic_exchange(&kq->kq_closed[i], 0)) > 0)
			watch_closed(kq, fd - 1, false);
		else if (fd < 0)
			watch_closed(kq, -fd - 1, true);
	}
	if (atomic_exchange(&kq->kq_closedmany, false))
		watch_closed_all(kq, false);
	if (atomic_exchange(&kq->kq_recheckmany, false))
		watch_closed_all(kq, true);
	if ((fd = atomic_exchange(&kq->kq_accepted, 0)) != 0)
		watch_relisten(kq, fd);
	for (i = 0; i < KQ_NTRIGGERS; i++) {
		kt = &kq->kq_triggers[i];
		if (atomic_load_explicit(&kt->kt_state,
		    memory_order_acquire) != 2)
			continue;
		/* There is nobody any more whom an error could be told. */
		(void)kqueue_register(kq, &kt->kt_kev);
		atomic_store_explicit(&kt->kt_state, 0, memory_order_release);
	}
}

int
kqueue_defertrigger(int fd, const struct kevent *kev)
{
	struct kqtrigger *kt;
	struct kqueue *kq;
	int i, zero;

	if ((kq = fdtab_kqueue(fd)) == NULL)
		return (EBADF);
	if (kev->filter != EVFILT_USER || (kev->flags & (EV_ADD | EV_DELETE)) != 0)
		return (EDEADLK);
	for (i = 0; i < KQ_NTRIGGERS; i++) {
		kt = &kq->kq_triggers[i];
		zero = 0;
		if (!atomic_compare_exchange_strong(&kt->kt_state, &zero, 1))
			continue;
		kt->kt_kev = *kev;
		atomic_store_explicit(&kt->kt_state, 2, memory_order_release);
		kqueue_attend(kq);
		return (0);
	}
	return (EAGAIN);
}

void
kqueue_sleep(struct kqueue *kq)
{
	(void)atomic_fetch_add(&kq->kq_sleepers, 1);
}

/* What wakes the sleepers of a closed kqueue, here and in kqueue_wakelate(). */
static void
kqueue_setwakefd(struct kqueue *kq, int fd)
{
	(void)atomic_fetch_add(&kqroot_peek()->r_nghosts, 1);
	atomic_store(&kq->kq_wakefd, fd);
}

static void
kqueue_clearwakefd(struct kqueue *kq)
{
	int fd;

	if ((fd = atomic_exchange(&kq->kq_wakefd, -1)) == -1)
		return;
	(void)atomic_fetch_sub(&kqroot_peek()->r_nghosts, 1);
	fdtab_disown(fd);
}

/* Torn down, and nobody sleeps in it: what woke them goes, and the memory. */
static void
kqueue_bury(struct kqueue *kq)
{
	KQ_ASSERT_LOCKED(kq);
	kq->kq_torndown = false;
	kqueue_clearwakefd(kq);
	kqueue_free(kq);
}

/*
 * The kqueue may be dead, and is then left for good.  A sleeper can get here
 * before the closer, whom it woke, has torn it down: then that one buries it.
 */
void
kqueue_wake(struct kqueue *kq)
{
	KQ_ASSERT_LOCKED(kq);
	if (atomic_fetch_sub(&kq->kq_sleepers, 1) == 1 && kq->kq_torndown)
		kqueue_bury(kq);
}

/*
 * Tear down: the knotes of filters that ask for it, what the filters keep, our
 * descriptors, the memory.  The epoll set itself was closed by the program, or
 * is about to be.
 */
static void
kqueue_destroy(struct kqueue *kq)
{
	const struct filterops *fop;
	int fd, i;

	KQ_ASSERT_LOCKED(kq);
	knote_detachall(kq);
	for (i = 0; i < EVFILT_SYSCOUNT; i++) {
		fop = filter_lookup((short)~i);
		if (fop != NULL && fop->f_closing != NULL)
			fop->f_closing(kq);
		kq->kq_priv[i] = NULL;
	}
	if (kq->kq_timer != NULL)
		fdtab_disown(kq->kq_timer->w_fd);
	for (i = 0; i < WF_COUNT; i++) {
		atomic_store(&kq->kq_nestedfd[i], -1);
		if (kq->kq_nested[i] != NULL)
			fdtab_disown(kq->kq_nested[i]->w_fd);
		kq->kq_nested[i] = NULL;
	}
	fd = atomic_load(&kq->kq_wakefd);
	if (kq->kq_bell != NULL && kq->kq_bell->w_fd != fd)
		fdtab_disown(kq->kq_bell->w_fd);
	kq->kq_bell = kq->kq_timer = kq->kq_relisten = NULL;
	watch_listens(kq);
	knote_freeall(kq);
	watch_freeall(kq);
	timerheap_free(kq);
	kq->kq_nbell = kq->kq_nedge = 0;
	atomic_store(&kq->kq_count, 0);
	kq->kq_attn = 0;
	kq->kq_belllevel = false;
	atomic_store(&kq->kq_watched, false);
	kq->kq_selfkn = NULL;
	kq->kq_tarmed = 0;
	for (i = 0; i < KQ_NCLOSED; i++)
		atomic_store(&kq->kq_closed[i], 0);
	atomic_store(&kq->kq_closedmany, false);
	atomic_store(&kq->kq_recheckmany, false);
	atomic_store(&kq->kq_accepted, 0);
	for (i = 0; i < KQ_NTRIGGERS; i++)
		atomic_store(&kq->kq_triggers[i].kt_state, 0);
	/* The last sleeper does it otherwise. */
	kq->kq_torndown = true;
	if (atomic_load(&kq->kq_sleepers) == 0)
		kqueue_bury(kq);
}

/*
 * No descriptor to be had for kqueue_wakeall(): then the bell does, which stays
 * until the last sleeper is out, or any of the program's that is ready.
 */
static void
kqueue_wakesomehow(struct kqueue *kq, int epfd)
{
	int fd;

	fd = -1;
	if (kq_lock_try(&kq->kq_lock)) {
		if (kq->kq_bell != NULL)
			fd = kq->kq_bell->w_fd;
		if (fd != -1 && lx_epoll_mod(epfd, fd, LX_IN | LX_OUT,
		    UINT64_MAX) == 0)
			kqueue_setwakefd(kq, fd);
		else
			fd = -1;
		kqueue_leave(kq);
	}
	if (fd != -1)
		return;
	for (fd = 0; fd < 65536; fd++) {
		if (fd == epfd || kq_fdinternal(fd) ||
		    lx_poll(fd, LX_IN | LX_OUT) == 0)
			continue;
		if (lx_epoll_add(epfd, fd, LX_IN | LX_OUT, UINT64_MAX) == 0 ||
		    lx_epoll_mod(epfd, fd, LX_IN | LX_OUT, UINT64_MAX) == 0)
			return;
	}
}

/* Make every thread that sleeps in the set return, and the next, and ... */
static void
kqueue_wakeall(struct kqueue *kq, int epfd)
{
	int fd;

	if (atomic_load(&kq->kq_sleepers) == 0)
		return;
	if (fdtab_own(lx_eventfd_beyond, &fd) != 0) {
		kqueue_wakesomehow(kq, epfd);
		return;
	}
	lx_eventfd_ring(fd);
	kqueue_setwakefd(kq, fd);
	if (lx_epoll_add(epfd, fd, LX_IN, UINT64_MAX) != 0)
		kqueue_clearwakefd(kq);
}

void
kqueue_die(struct kqueue *kq, int epfd)
{
	(void)atomic_fetch_add(&kq->kq_gen, 1);
	atomic_store(&kq->kq_alive, false);
	if (epfd != -1)
		kqueue_wakeall(kq, epfd);
	atomic_store(&kq->kq_dying, true);
	kqueue_attend(kq);
}
