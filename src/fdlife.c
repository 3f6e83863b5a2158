/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of kqueues and knotes when a descriptor number is closed, made
 * by dup() or shut down: the answers to src/interpose, which stands in front
 * of libc's functions (DESIGN.md 10).
 *
 * All of it is async-signal-safe and never waits for a lock.  A close is told
 * twice.  Before the real call the number loses its meaning here and its
 * entries in the kernel's sets (kq_fdclosing()); after it those who may have
 * added it meanwhile look again (kq_fdclosed()).  Each kqueue that watches the
 * number has it noted in kq_closed, for the holder of its lock.
 */
#include "kqueue_var.h"

#include <sys/socket.h>

void
kqueue_renumber(struct kqueue *kq, int fd)
{
	int i, max;

	if (atomic_load(&kq->kq_epfd) != fd)
		return;
	max = kqkeep_maxfd();
	for (i = 0; i < max; i++) {
		if (i != fd && fdtab_kqueue(i) == kq) {
			atomic_store(&kq->kq_epfd, i);
			return;
		}
	}
}

/* One number of a kqueue goes; epfd is that number, still open, or -1. */
static void
kqueue_number(struct kqueue *kq, int fd, int epfd)
{
	(void)kqkeep_fd(fd, false);
	if (atomic_fetch_sub(&kq->kq_nnum, 1) == 1)
		kqueue_die(kq, epfd);
	else
		kqueue_renumber(kq, fd);
}

void
kqueue_note(struct kqueue *kq, int note)
{
	int i, zero;

	for (i = 0; i < KQ_NCLOSED; i++) {
		zero = 0;
		if (atomic_compare_exchange_strong(&kq->kq_closed[i], &zero,
		    note))
			break;
	}
	if (i == KQ_NCLOSED)
		atomic_store(note > 0 ? &kq->kq_closedmany :
		    &kq->kq_recheckmany, true);
}

void
kqueue_attend(struct kqueue *kq)
{
	if (kq_lock_try_or_defer(&kq->kq_lock)) {
		kqueue_deferred(kq);
		kqueue_leave(kq);
	}
}

/* The number goes (note > 0) or went, as kq_closed has it. */
static void
kqueue_forget(struct kqueue *kq, int note)
{
	int epfd, fd, i;

	if (note > 0) {
		/* From the kernel's sets first: no lock is needed for that. */
		fd = note - 1;
		if ((epfd = atomic_load(&kq->kq_epfd)) != -1)
			(void)lx_epoll_del(epfd, fd);
		for (i = 0; i < WF_COUNT; i++) {
			if ((epfd = atomic_load(&kq->kq_nestedfd[i])) != -1)
				(void)lx_epoll_del(epfd, fd);
		}
	}
	kqueue_note(kq, note);
	kqueue_attend(kq);
}

/* A connection was taken; note is as in kq_accepted. */
static void
kqueue_accepted(struct kqueue *kq, int note)
{
	int old;

	if (!atomic_load(&kq->kq_listens))
		return;
	old = 0;
	if (!atomic_compare_exchange_strong(&kq->kq_accepted, &old, note) &&
	    old != note)
		atomic_store(&kq->kq_accepted, KQ_ALLFDS);
	kqueue_attend(kq);
}

/* Tell everybody who may watch the number, by its fe_ref. */
static void
kqueue_tell(struct kqroot *root, uint32_t ref,
    void (*fn)(struct kqueue *, int), int note)
{
	struct kqueue *kq;
	uint32_t i, last;

	i = ref == FE_MANY ? 1 : ref;
	last = ref == FE_MANY ? atomic_load(&root->r_nkq) : ref;
	for (; i <= last; i++) {
		if ((kq = kqueue_byslot(i)) != NULL &&
		    atomic_load(&kq->kq_alive))
			fn(kq, note);
	}
}

bool
kq_fdinteresting(int fd)
{
	struct fdent *fe;
	struct kqroot *root;

	if ((fe = fdtab_peek(fd)) != NULL)
		return (atomic_load_explicit(&fe->fe_ref,
		    memory_order_relaxed) != FE_NONE ||
		    atomic_load_explicit(&fe->fe_kq, memory_order_relaxed) !=
		    NULL);
	/* A child that no handler prepared: kq_fdclosing() cleans up first. */
	root = atomic_load_explicit(&kq_root, memory_order_relaxed);
	return (root != NULL && atomic_load_explicit(&root->r_magic,
	    memory_order_relaxed) == 0);
}

bool
kq_fdinternal(int fd)
{
	struct fdent *fe;
	struct kqroot *root;

	fe = fdtab_peek(fd);
	return (fe != NULL && atomic_load_explicit(&fe->fe_ref,
	    memory_order_relaxed) == FE_INTERNAL &&
	    (root = kqroot_peek()) != NULL && root->r_pid == lx_getpid());
}

void
kq_fdclosing(int fd)
{
	struct fdent *fe;
	struct kqroot *root;
	struct kqueue *kq;
	uint32_t ref;

	if (kqroot_peek() == NULL) {
		(void)kqroot_get(&root);
		return;
	}
	if ((fe = fdtab_peek(fd)) == NULL || (root = kqroot_peek()) == NULL ||
	    root->r_pid != lx_getpid())
		return;
	if (atomic_load(&fe->fe_ref) == FE_INTERNAL)
		return;
	/*
	 * In this order.  watch_attach() reads the generation and then enters
	 * itself: either we see it and its generation is old, or it comes
	 * after the exchange, and kq_fdclosed() sees it.
	 */
	ref = atomic_exchange(&fe->fe_ref, FE_NONE);
	(void)atomic_fetch_add(&fe->fe_gen, 1);
	kq = atomic_exchange(&fe->fe_kq, NULL);
	if (ref != FE_NONE)
		kqueue_tell(root, ref, kqueue_forget, fd + 1);
	if (kq != NULL)
		kqueue_number(kq, fd, fd);
}

/*
 * An EV_ADD may have found the number open between kq_fdclosing() and the real
 * close: then its entry is gone, or an orphan.  Or another thread got the
 * number for a new file and has added that.  The holder of the lock finds out.
 */
void
kq_fdclosed(int fd)
{
	struct fdent *fe;
	struct kqroot *root;
	uint32_t ref;

	if ((fe = fdtab_peek(fd)) == NULL ||
	    (ref = atomic_load(&fe->fe_ref)) == FE_NONE || ref == FE_INTERNAL ||
	    (root = kqroot_peek()) == NULL || root->r_pid != lx_getpid())
		return;
	kqueue_tell(root, ref, kqueue_forget, -(fd + 1));
}

void
kqueue_wakelate(struct kqroot *root, int epfd)
{
	struct kqueue *kq;
	uint32_t i, n;
	int fd;

	if (KQ_LIKELY(atomic_load(&root->r_nghosts) == 0))
		return;
	n = atomic_load(&root->r_nkq);
	for (i = 1; i <= n; i++) {
		if ((kq = kqueue_byslot(i)) == NULL ||
		    atomic_load(&kq->kq_alive) ||
		    (fd = atomic_load(&kq->kq_wakefd)) == -1)
			continue;
		(void)lx_epoll_add(epfd, fd, LX_IN, UINT64_MAX);
		/* The last sleeper was out before: it is another file now. */
		if (atomic_load(&kq->kq_wakefd) != fd)
			(void)lx_epoll_del(epfd, fd);
	}
}

void
kq_fddup(int fd, int newfd)
{
	struct fdent *fe;
	struct kqroot *root;
	struct kqueue *kq;

	if ((root = kqroot_peek()) == NULL || root->r_pid != lx_getpid())
		return;
	kq_fdreused(newfd);
	if ((kq = fdtab_kqueue(fd)) == NULL || (fe = fdtab_get(newfd)) == NULL)
		return;
	(void)kqkeep_fd(newfd, true);
	(void)atomic_fetch_add(&kq->kq_nnum, 1);
	atomic_store_explicit(&fe->fe_kq, kq, memory_order_release);
	kqueue_wakelate(root, newfd);
}

/*
 * What the number meant before was closed where we could not see it.  It must
 * be open now, as something new.
 */
void
kq_fdreused(int fd)
{
	struct fdent *fe;
	struct kqroot *root;
	struct kqueue *kq;
	uint32_t ref;

	if (KQ_LIKELY(!kq_fdinteresting(fd)))
		return;
	if ((fe = fdtab_peek(fd)) == NULL || (root = kqroot_peek()) == NULL)
		return;
	ref = atomic_exchange(&fe->fe_ref, FE_NONE);
	(void)atomic_fetch_add(&fe->fe_gen, 1);
	kq = atomic_exchange(&fe->fe_kq, NULL);
	if (ref != FE_NONE && ref != FE_INTERNAL)
		kqueue_tell(root, ref, kqueue_forget, fd + 1);
	if (kq != NULL)
		kqueue_number(kq, fd, -1);
}

void
kq_fdsockopt(void)
{
	struct kqroot *root;

	if ((root = kqroot_peek()) != NULL)
		(void)atomic_fetch_add(&root->r_sockchanges, 1);
}

void
kq_fdshutdown(int fd, int how)
{
	/* SHUT_RD shows in what epoll reports; sending does not. */
	if (how == SHUT_RD)
		return;
	kq_fdsockopt();
	kq_fdclosed(fd);
}

bool
kq_listening(void)
{
	struct kqroot *root;

	return ((root = kqroot_peek()) != NULL &&
	    atomic_load_explicit(&root->r_nlisten, memory_order_relaxed) != 0);
}

void
kq_fdaccepted(int fd)
{
	struct fdent *fe;
	struct kqroot *root;
	uint32_t ref;

	if ((root = kqroot_peek()) == NULL || root->r_pid != lx_getpid())
		return;
	ref = (fe = fdtab_peek(fd)) == NULL ? FE_NONE : atomic_load(&fe->fe_ref);
	/* A number that nobody watches may be a dup of one. */
	if (ref == FE_NONE)
		kqueue_tell(root, FE_MANY, kqueue_accepted, KQ_ALLFDS);
	else
		kqueue_tell(root, ref, kqueue_accepted, fd + 1);
}

void
kq_fdconnected(int fd)
{
	kq_fdclosed(fd);
}

/* The source of this kqueue that has the number, if it can be moved. */
static struct watch *
kqueue_source(struct kqueue *kq, int fd)
{
	int i;

	if (kq->kq_bell != NULL && kq->kq_bell->w_fd == fd)
		return (kq->kq_bell);
	if (kq->kq_timer != NULL && kq->kq_timer->w_fd == fd)
		return (kq->kq_timer);
	for (i = 0; i < WF_COUNT; i++) {
		if (kq->kq_nested[i] != NULL && kq->kq_nested[i]->w_fd == fd)
			return (kq->kq_nested[i]);
	}
	return (NULL);
}

int
kq_fdvacate(int fd)
{
	struct kqroot *root;
	struct kqueue *kq;
	struct watch *w;
	uint32_t i, n;
	int error, j;

	if ((root = kqroot_peek()) == NULL)
		return (0);
	n = atomic_load(&root->r_nkq);
	for (i = 1; i <= n; i++) {
		if ((kq = kqueue_byslot(i)) == NULL || !kqueue_tryenter(kq))
			continue;
		if ((w = kqueue_source(kq, fd)) == NULL) {
			kqueue_leave(kq);
			continue;
		}
		error = source_move(kq, w);
		for (j = 0; j < WF_COUNT; j++) {
			if (kq->kq_nested[j] != NULL)
				atomic_store(&kq->kq_nestedfd[j],
				    kq->kq_nested[j]->w_fd);
		}
		kqueue_leave(kq);
		return (error);
	}
	return (EBUSY);
}
