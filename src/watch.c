/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is installed in epoll for the knotes of a descriptor.
 *
 * A watch is one entry of one epoll set.  Whoever comes first gets the entry
 * of the main set, in any mode.  Level knotes share it.  Any other second knote
 * gets an entry in the nested set of its filter, because one edge or one-shot
 * entry would mix the filters: data coming in fires OUT again, and an entry
 * that fired for IN never says OUT (DESIGN.md 6).  Knotes never move.
 *
 * Modes of an entry (watch_want()):
 *
 *	level			the kernel's ready list is the tail of our queue
 *	EPOLLET			EV_CLEAR
 *	EPOLLONESHOT		EV_ONESHOT, EV_DISPATCH; when it has fired it is
 *				disarmed: silent, until the next MOD.  It stays
 *				in the set when its knote goes (W_ARMED is off),
 *				so that adding again is one call
 *	EPOLLONESHOT alone	disabled: HUP and ERR can fire once, then silence
 *	EPOLLET, W_TURNED	the kernel said ready and we did not: a fresh
 *				socket's HUP, a mark not reached.  Looked at
 *				again at each edge, and turned back once ready
 *
 * Where closes may pass us by (no interposition), level entries are one-shot
 * too and armed again at each report: the MOD tells whether the number still
 * means the file, and an orphan is heard once at most.
 */
#include "watch.h"

static const uint32_t watch_bits[WF_COUNT] = {
	[WF_READ] = LX_IN | LX_RDHUP,
	[WF_WRITE] = LX_OUT,
	[WF_EXCEPT] = LX_PRI,
};

/* EXC-5: the out-of-band test knows no EOF and no errors. */
const uint32_t watch_masks[WF_COUNT] = {
	[WF_READ] = LX_IN | LX_RDHUP | LX_HUP | LX_ERR,
	[WF_WRITE] = LX_OUT | LX_HUP | LX_ERR,
	[WF_EXCEPT] = LX_PRI,
};

uint64_t
watch_data(struct kqueue *kq, const struct watch *w)
{
	return ((uint64_t)kq->kq_slot << (WDATA_GENBITS + WDATA_SLOTBITS) |
	    (uint64_t)w->w_slot << WDATA_GENBITS | (w->w_gen & WDATA_GENMASK));
}

/*
 * Memory.
 */

static struct watch *
watch_alloc(struct kqueue *kq)
{
	struct watch *block, **blocks, *w;
	uint32_t i, max;

	if (kq->kq_wfree == NULL) {
		if (kq->kq_nwblocks == kq->kq_maxwblocks) {
			max = kq->kq_maxwblocks == 0 ? 8 :
			    kq->kq_maxwblocks * 2;
			if (max * WATCH_SLOTS >= 1u << WDATA_SLOTBITS ||
			    (blocks = arena_grow(kq->kq_wblocks,
			    kq->kq_maxwblocks * sizeof(*blocks),
			    max * sizeof(*blocks))) == NULL)
				return (NULL);
			kq->kq_wblocks = blocks;
			kq->kq_maxwblocks = max;
		}
		block = arena_alloc(WATCH_BLOCK * sizeof(*block));
		if (block == NULL)
			return (NULL);
		for (i = WATCH_BLOCK; i-- > 0;) {
			block[i].w_slot = kq->kq_nwblocks * WATCH_SLOTS + i;
			block[i].w_next = kq->kq_wfree;
			kq->kq_wfree = &block[i];
		}
		kq->kq_wblocks[kq->kq_nwblocks++] = block;
	}
	w = kq->kq_wfree;
	kq->kq_wfree = w->w_next;
	*w = (struct watch){ .w_fd = -1, .w_slot = w->w_slot,
	    .w_gen = w->w_gen + 1, .w_backlog = -1 };
	return (w);
}

static struct watch **
watch_head(struct kqueue *kq, int fd)
{
	unsigned int i = (unsigned int)fd / FDTAB_BLOCK;

	if (i >= kq->kq_nwtab || kq->kq_wtab[i] == NULL)
		return (NULL);
	return (&kq->kq_wtab[i][(unsigned int)fd % FDTAB_BLOCK]);
}

struct watch *
watch_find(struct kqueue *kq, int fd)
{
	struct watch **head;

	head = watch_head(kq, fd);
	return (head == NULL ? NULL : *head);
}

/* Make room for the descriptor in the table. */
static int
watch_room(struct kqueue *kq, int fd)
{
	struct watch ***tab;
	uint32_t i, n;

	i = (uint32_t)fd / FDTAB_BLOCK;
	if (i >= kq->kq_nwtab) {
		for (n = kq->kq_nwtab == 0 ? 8 : kq->kq_nwtab; n <= i; n *= 2)
			continue;
		tab = arena_grow(kq->kq_wtab, kq->kq_nwtab * sizeof(*tab),
		    n * sizeof(*tab));
		if (tab == NULL)
			return (ENOMEM);
		kq->kq_wtab = tab;
		kq->kq_nwtab = n;
	}
	if (kq->kq_wtab[i] == NULL && (kq->kq_wtab[i] =
	    arena_alloc(FDTAB_BLOCK * sizeof(struct watch *))) == NULL)
		return (ENOMEM);
	return (0);
}

void
watch_listens(struct kqueue *kq)
{
	bool now;

	now = kq->kq_relisten != NULL;
	if (now == ((kq->kq_attn & KQA_LISTEN) != 0))
		return;
	kq->kq_attn ^= KQA_LISTEN;
	atomic_store(&kq->kq_listens, now);
	(void)atomic_fetch_add(&kqroot_peek()->r_nlisten, now ? 1 : -1);
}

void
watch_unlisten(struct kqueue *kq, struct watch *w)
{
	struct watch **wp;

	if ((w->w_state & W_LISTEN) == 0)
		return;
	for (wp = &kq->kq_relisten; *wp != w;
	    wp = (struct watch **)&(*wp)->w_arg)
		continue;
	*wp = w->w_arg;
	w->w_arg = NULL;
	w->w_state &= (uint8_t)~W_LISTEN;
	watch_listens(kq);
}

void
watch_free(struct kqueue *kq, struct watch *w)
{
	struct watch **wp;

	watch_unlisten(kq, w);
	if ((w->w_state & W_SOURCE) == 0) {
		for (wp = watch_head(kq, w->w_fd); *wp != w;
		    wp = &(*wp)->w_next)
			continue;
		*wp = w->w_next;
	}
	w->w_kn[0] = w->w_kn[1] = w->w_kn[2] = NULL;
	w->w_gen++;
	w->w_state = 0;
	w->w_fd = -1;
	w->w_next = kq->kq_wfree;
	kq->kq_wfree = w;
}

void
watch_freeall(struct kqueue *kq)
{
	uint32_t i;

	for (i = 0; i < kq->kq_nwblocks; i++)
		arena_free(kq->kq_wblocks[i],
		    WATCH_BLOCK * sizeof(struct watch));
	arena_free(kq->kq_wblocks,
	    kq->kq_maxwblocks * sizeof(struct watch *));
	for (i = 0; i < kq->kq_nwtab; i++)
		arena_free(kq->kq_wtab[i],
		    FDTAB_BLOCK * sizeof(struct watch *));
	arena_free(kq->kq_wtab, kq->kq_nwtab * sizeof(struct watch **));
	kq->kq_wblocks = NULL;
	kq->kq_wtab = NULL;
	kq->kq_wfree = NULL;
	kq->kq_nwblocks = kq->kq_maxwblocks = kq->kq_nwtab = 0;
}

/*
 * The entry in epoll.
 */

static uint32_t
watch_ask(const struct knote *kn)
{
	return (watch_bits[filter_wf(kn->kn_filter)]);
}

uint32_t
watch_mask(const struct knote *kn)
{
	return (watch_masks[filter_wf(kn->kn_filter)]);
}

int
watch_epfd(struct kqueue *kq, const struct watch *w)
{
	if (w->w_set == WSET_MAIN)
		return (atomic_load_explicit(&kq->kq_epfd,
		    memory_order_relaxed));
	return (kq->kq_nested[w->w_set - 1]->w_fd);
}

/* The events that the knotes of the watch want installed. */
static uint32_t
watch_want(const struct watch *w, bool seescloses)
{
	const struct knote *kn;
	uint32_t ask;
	unsigned int flags;
	int i;

	ask = 0;
	flags = 0;
	for (i = 0; i < WF_COUNT; i++) {
		kn = w->w_kn[i];
		if (kn == NULL || (kn->kn_status & KN_DISABLED) != 0)
			continue;
		ask |= watch_ask(kn);
		flags |= kn->kn_flags;
	}
	if (ask == 0)
		return (LX_ONESHOT);
	if ((w->w_state & W_TURNED) != 0)
		return (ask | LX_EDGE);
	if ((flags & (EV_ONESHOT | EV_DISPATCH)) != 0)
		return (ask | LX_ONESHOT);
	if ((flags & EV_CLEAR) != 0)
		return (ask | LX_EDGE);
	return (seescloses ? ask : ask | LX_ONESHOT);
}

static int
watch_install(struct kqueue *kq, struct watch *w, bool force)
{
	uint64_t data;
	uint32_t want;
	int epfd, error;

	if (w->w_set == WSET_NONE)
		return (0);
	want = watch_want(w, kq->kq_seescloses);
	if ((w->w_state & W_INSTALLED) != 0 && !force &&
	    (want == w->w_events || (want == LX_ONESHOT && watch_silent(w))))
		return (0);
	epfd = watch_epfd(kq, w);
	data = watch_data(kq, w);
	if ((w->w_state & W_INSTALLED) != 0) {
		error = lx_epoll_mod(epfd, w->w_fd, want, data);
	} else {
		error = lx_epoll_add(epfd, w->w_fd, want, data);
		if (error == EEXIST)
			error = lx_epoll_mod(epfd, w->w_fd, want, data);
	}
	if (error != 0)
		return (error == ENOSPC ? ENOMEM : error);
	w->w_state |= W_INSTALLED;
	w->w_events = want;
	if ((want & LX_ONESHOT) != 0 && want != LX_ONESHOT)
		w->w_state |= W_ARMED;
	else
		w->w_state &= (uint8_t)~W_ARMED;
	return (0);
}

/* The knotes, or what they want, have changed: is it W_PLAIN? */
static bool
watch_isplain(const struct kqueue *kq, const struct watch *w)
{
	const struct knote *kn = w->w_kn[WF_READ];

	return (kn != NULL && w->w_kn[WF_WRITE] == NULL &&
	    w->w_kn[WF_EXCEPT] == NULL &&
	    (kn->kn_status & KN_DISABLED) == 0 &&
	    (w->w_state & W_INSTALLED) != 0 &&
	    (w->w_events & LX_ONESHOT) == 0 && kq->kq_seescloses);
}

int
watch_sync(struct kqueue *kq, struct watch *w, bool force)
{
	int error;

	error = watch_install(kq, w, force);
	w->w_state &= (uint8_t)~W_PLAIN;
	if (error == 0 && watch_isplain(kq, w))
		w->w_state |= W_PLAIN;
	return (error);
}

void
watch_rearm(struct kqueue *kq, struct watch *w)
{
	if ((w->w_state & W_SOURCE) != 0)
		(void)lx_epoll_mod(watch_epfd(kq, w), w->w_fd, w->w_events,
		    watch_data(kq, w));
	else
		/* An error means that the descriptor is gone. */
		(void)watch_sync(kq, w, true);
}

void
watch_turn(struct kqueue *kq, struct watch *w)
{
	uint32_t want = watch_want(w, kq->kq_seescloses);

	if ((want & LX_EDGE) != 0 || want == LX_ONESHOT ||
	    w->w_set == WSET_NONE)
		return;
	w->w_state |= W_TURNED;
	(void)watch_sync(kq, w, true);
	/* The MOD reports once more; whoever harvests shall fetch that too. */
	kq->kq_attn |= KQA_TURNED;
}

/*
 * Sources of the library's own.
 */

int
source_add(struct kqueue *kq, int fd, uint32_t events,
    void (*fire)(struct watch *, uint32_t), void *arg, struct watch **wp)
{
	struct watch *w;
	int error;

	KQ_ASSERT_LOCKED(kq);
	if ((w = watch_alloc(kq)) == NULL)
		return (ENOMEM);
	w->w_fd = fd;
	w->w_state = W_SOURCE;
	w->w_fire = fire;
	w->w_kq = kq;
	w->w_arg = arg;
	w->w_events = events;
	error = lx_epoll_add(watch_epfd(kq, w), fd, events, watch_data(kq, w));
	if (error != 0) {
		watch_free(kq, w);
		return (error == ENOSPC ? ENOMEM : error);
	}
	*wp = w;
	return (0);
}

void
source_del(struct kqueue *kq, struct watch *w)
{
	KQ_ASSERT_LOCKED(kq);
	(void)lx_epoll_del(watch_epfd(kq, w), w->w_fd);
	watch_free(kq, w);
}

void
source_forget(struct kqueue *kq, struct watch *w)
{
	KQ_ASSERT_LOCKED(kq);
	watch_free(kq, w);
}

int
source_move(struct kqueue *kq, struct watch *w)
{
	int error, fd;

	KQ_ASSERT_LOCKED(kq);
	if ((error = lx_fd_dup(w->w_fd, &fd)) != 0)
		return (error);
	if ((error = fdtab_internal(fd)) != 0 ||
	    (error = lx_epoll_add(watch_epfd(kq, w), fd, w->w_events,
	    watch_data(kq, w))) != 0) {
		fdtab_disown(fd);
		return (error);
	}
	(void)lx_epoll_del(watch_epfd(kq, w), w->w_fd);
	fdtab_forget(w->w_fd);
	w->w_fd = fd;
	return (0);
}

/* A nested set has something: it is a level entry, so no need to drain it. */
static void
watch_nestedfire(struct watch *source, uint32_t revents)
{
	struct lx_event ev[KQ_HARVEST / 4];
	struct kqueue *kq = watch_kq(source);
	struct watch *w;
	int i, n;

	(void)revents;
	/* An error: there is nothing to be had. */
	n = lx_epoll_poll(source->w_fd, ev, KQ_HARVEST / 4);
	for (i = 0; i < n; i++) {
		if ((w = watch_bydata(kq, ev[i].le_data)) != NULL)
			watch_fire(kq, w, ev[i].le_events);
	}
}

static int
watch_neednested(struct kqueue *kq, int wf)
{
	int error, fd;

	if (kq->kq_nested[wf] != NULL)
		return (0);
	if ((error = fdtab_own(lx_epoll_create, &fd)) != 0)
		return (error);
	if ((error = source_add(kq, fd, LX_IN, watch_nestedfire, NULL,
	    &kq->kq_nested[wf])) != 0) {
		fdtab_disown(fd);
		return (error);
	}
	atomic_store(&kq->kq_nestedfd[wf], fd);
	return (0);
}

/*
 * Attach and detach.
 */

/* Can the knote share the main entry with those that are there? */
static bool
watch_canshare(const struct watch *w, const struct knote *kn)
{
	int i;

	if (!knote_islevel(kn))
		return (false);
	for (i = 0; i < WF_COUNT; i++) {
		if (w->w_kn[i] != NULL && !knote_islevel(w->w_kn[i]))
			return (false);
	}
	return (true);
}

static struct watch *
watch_new(struct kqueue *kq, int fd, int set)
{
	struct watch **head, *w;

	if (watch_room(kq, fd) != 0 || (w = watch_alloc(kq)) == NULL)
		return (NULL);
	w->w_fd = fd;
	w->w_set = (uint8_t)set;
	head = watch_head(kq, fd);
	w->w_next = *head;
	*head = w;
	return (w);
}

/* The watch that takes the knote: shared, kept for reuse, or new. */
static int
watch_choose(struct knote *kn, int wf, struct watch **wp)
{
	struct kqueue *kq = kn->kn_kq;
	struct watch *w;
	int error, fd, set;

	fd = (int)kn->kn_id;
	set = WSET_MAIN;
	for (w = watch_find(kq, fd); w != NULL; w = w->w_next) {
		if (w->w_set == WSET_MAIN && !watch_isempty(w) &&
		    !watch_canshare(w, kn)) {
			set = WSET_NESTED(wf);
			if ((error = watch_neednested(kq, wf)) != 0)
				return (error);
			break;
		}
	}
	for (w = watch_find(kq, fd); w != NULL; w = w->w_next) {
		if (w->w_set == set)
			break;
	}
	if (w == NULL && (w = watch_new(kq, fd, set)) == NULL)
		return (ENOMEM);
	*wp = w;
	return (0);
}

int
watch_attach(struct knote *kn, int wf)
{
	struct kqueue *kq = kn->kn_kq;
	struct watch *w;
	uint32_t gen;
	bool fresh;
	int error, fd;

	KQ_ASSERT_LOCKED(kq);
	fd = (int)kn->kn_id;
	/* See kq_fdclosing() for the order of these two. */
	gen = fdtab_gen(fd);
	if ((error = fdtab_watch(fd, kq)) != 0)
		return (lx_fd_isopen(fd) ? error : EBADF);
	if ((error = watch_choose(kn, wf, &w)) != 0)
		return (error);
	fresh = watch_isempty(w);
	if (fresh) {
		/* A report of the last life must not reach this one. */
		w->w_gen++;
		w->w_state &= W_INSTALLED | W_SENDCLOSED;
		w->w_backlog = -1;
	}
	w->w_fdgen = gen;
	w->w_kn[wf] = kn;
	kn->kn_watch = w;
	kn->kn_status |= knote_islevel(kn) ? KN_LEVEL : KN_EDGE;
	/* Shared with a turned one: look at all of them again. */
	error = watch_sync(kq, w, fresh || (w->w_state & W_TURNED) != 0);
	if (error == ENOENT && fresh) {
		/* A disarmed entry was kept here, of a file that is gone. */
		w->w_state = 0;
		w->w_kind = LX_KIND_UNKNOWN;
		w->w_rseen = w->w_wseen = 0;
		error = watch_sync(kq, w, true);
	}
	if (error != 0) {
		w->w_kn[wf] = NULL;
		kn->kn_watch = NULL;
		kn->kn_status &= (unsigned short)~(KN_LEVEL | KN_EDGE);
		if (fresh)
			watch_free(kq, w);
		return (error);
	}
	return (0);
}

int
watch_attach_none(struct knote *kn, int wf, struct lx_inode *ip)
{
	struct kqueue *kq = kn->kn_kq;
	struct lx_inode in;
	struct watch *w;
	enum lx_kind kind;
	uint32_t gen;
	int error, fd;

	KQ_ASSERT_LOCKED(kq);
	fd = (int)kn->kn_id;
	gen = fdtab_gen(fd);
	if ((error = fdtab_watch(fd, kq)) != 0)
		return (error);
	/* REG-3: epoll did not look at the number. */
	if (ip == NULL)
		ip = &in;
	if ((error = lx_fdkind_inode(fd, &kind, ip)) != 0)
		return (error);
	if (fdtab_kqueue(fd) != NULL)
		kind = LX_KIND_KQUEUE;
	if ((w = watch_new(kq, fd, WSET_NONE)) == NULL)
		return (ENOMEM);
	if (kind != LX_KIND_KQUEUE) {
		w->w_dev = ip->in_dev;
		w->w_ino = ip->in_ino;
	}
	w->w_fdgen = gen;
	w->w_kind = (uint8_t)kind;
	w->w_kn[wf] = kn;
	kn->kn_watch = w;
	return (0);
}

void
watch_detach(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;
	struct watch *w = kn->kn_watch;
	int i;

	KQ_ASSERT_LOCKED(kq);
	for (i = 0; i < WF_COUNT; i++) {
		if (w->w_kn[i] == kn)
			w->w_kn[i] = NULL;
	}
	kn->kn_watch = NULL;
	if (!watch_isempty(w)) {
		if ((w->w_state & W_INSTALLED) != 0)
			(void)watch_sync(kq, w, false);
		return;
	}
	if ((w->w_state & W_INSTALLED) != 0) {
		if (watch_silent(w) && w->w_events != LX_ONESHOT) {
			/* It fired: kept for the next EV_ADD. */
			watch_unlisten(kq, w);
			w->w_gen++;
			return;
		}
		/* An error: the number was closed behind our back. */
		(void)lx_epoll_del(watch_epfd(kq, w), w->w_fd);
	}
	watch_free(kq, w);
}

int
watch_update(struct knote *kn, bool rearm, bool verify)
{
	struct watch *w = kn->kn_watch;
	bool force;

	KQ_ASSERT_LOCKED(kn->kn_kq);
	if ((kn->kn_status & KN_DISABLED) != 0)
		rearm = false;
	/* A plain level entry reports what holds without being asked. */
	force = verify || (rearm && (w->w_state & W_INSTALLED) != 0 &&
	    (!knote_islevel(kn) || (w->w_state & W_TURNED) != 0 ||
	    watch_silent(w)));
	return (watch_sync(kn->kn_kq, w, force));
}
