/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What epoll reports of the entries that watch.c installs, and what it cannot
 * tell: that a number was closed, and that a backlog got shorter.
 *
 * A report is of a watch.  Each of its knotes that is enabled and whose bits
 * are in it is delivered at once if nothing is pending before it, or else
 * activated.  The filter looks again then (SCAN-4); if none of them is ready
 * though the kernel says so, the entry is turned to EPOLLET (watch_turn()).
 */
#include "watch.h"

#include "scan.h"

uint32_t
watch_poll(struct knote *kn)
{
	struct watch *w = kn->kn_watch;

	w->w_revents = lx_poll(w->w_fd, LX_IN | LX_OUT | LX_PRI | LX_RDHUP);
	w->w_round = kn->kn_kq->kq_round;
	return (w->w_revents);
}

uint32_t
watch_revents(struct knote *kn)
{
	struct watch *w = kn->kn_watch;

	if (KQ_LIKELY(w->w_round == kn->kn_kq->kq_round))
		return (w->w_revents);
	return (watch_poll(kn));
}

enum lx_kind
watch_kind(struct watch *w)
{
	enum lx_kind kind;

	if (w->w_kind == LX_KIND_UNKNOWN) {
		if (fdtab_kqueue(w->w_fd) != NULL)
			kind = LX_KIND_KQUEUE;
		else
			(void)lx_fdkind(w->w_fd, &kind);
		w->w_kind = (uint8_t)kind;
	}
	return ((enum lx_kind)w->w_kind);
}

int
watch_identify(struct watch *w)
{
	struct lx_inode in;
	int error;

	if (w->w_kind == LX_KIND_KQUEUE)
		return (lx_fd_isopen(w->w_fd) ? 0 : EBADF);
	if ((error = lx_inode(w->w_fd, &in)) != 0)
		return (error);
	return (in.in_ino == w->w_ino && in.in_dev == w->w_dev ? 0 : ENOENT);
}

void
watch_unready(struct knote *kn, uint32_t revents)
{
	struct watch *w = kn->kn_watch;
	int i;

	if ((revents & watch_mask(kn)) == 0) {
		/*
		 * Somebody else was faster; a one-shot entry must be armed.  Or
		 * it is an orphan that spoke: the call tells that too.
		 */
		if (watch_sync(kn->kn_kq, w, true) != 0)
			watch_lost(kn->kn_kq, w->w_fd);
		return;
	}
	w->w_unready |= (uint8_t)(1u << filter_wf(kn->kn_filter));
	for (i = 0; i < WF_COUNT; i++) {
		if (w->w_kn[i] != NULL &&
		    (w->w_kn[i]->kn_status & KN_DISABLED) == 0 &&
		    (w->w_unready & 1u << i) == 0)
			return;
	}
	watch_turn(kn->kn_kq, w);
}

void
watch_delivered(struct knote *kn)
{
	struct watch *w = kn->kn_watch;

	if (KQ_LIKELY((w->w_state & W_TURNED) == 0 &&
	    (kn->kn_flags & EV_DISPATCH) == 0))
		return;
	/* Ready by our measure too: the kernel may hold it again. */
	if (knote_islevel(kn) || (kn->kn_flags & EV_DISPATCH) != 0)
		w->w_state &= (uint8_t)~W_TURNED;
	(void)watch_sync(kn->kn_kq, w, false);
}

/* Does epoll have an entry for what the number means?  Changes nothing. */
static bool
watch_exists(struct kqueue *kq, struct watch *w)
{
	int error;

	error = lx_epoll_add(watch_epfd(kq, w), w->w_fd, LX_ONESHOT,
	    UINT64_MAX);
	if (error == 0)
		(void)lx_epoll_del(watch_epfd(kq, w), w->w_fd);
	return (error == EEXIST);
}

/*
 * Without interposition: does the entry mean the file that the number means?
 * Level entries are one-shot there and are armed by the same call.
 */
static bool
watch_verify(struct kqueue *kq, struct watch *w)
{
	int error;

	if ((w->w_events & LX_ONESHOT) != 0 && w->w_events != LX_ONESHOT &&
	    (w->w_state & W_TURNED) == 0 && !watch_isempty(w)) {
		int i;

		for (i = 0; i < WF_COUNT; i++) {
			if (w->w_kn[i] != NULL && !knote_islevel(w->w_kn[i]))
				break;
		}
		if (i == WF_COUNT) {
			error = lx_epoll_mod(watch_epfd(kq, w), w->w_fd,
			    w->w_events, watch_data(kq, w));
			w->w_state |= W_ARMED;
			return (error == 0);
		}
	}
	return (watch_exists(kq, w));
}

/*
 * READ-61: looking at an inner kqueue can ring its bell, which is an edge out
 * here but no news.
 */
static bool
watch_hasnews(struct knote *kn)
{
	struct kqueue *inner;
	bool news;

	if (kn->kn_watch->w_kind != LX_KIND_KQUEUE ||
	    (inner = fdtab_kqueue(kn->kn_watch->w_fd)) == NULL ||
	    !kqueue_tryenter(inner))
		return (true);
	(void)kqueue_pending(inner);
	news = inner->kq_seq != kn->kn_watch->w_rseen;
	kqueue_leave(inner);
	return (news);
}

/* Deliver the knote at once, if nothing is before it, or have it pending. */
static inline __attribute__((__always_inline__)) void
watch_report(struct kqueue *kq, struct knote *kn)
{
	if (KQ_UNLIKELY(kn->kn_stamp == kq->kq_call)) {
		/* SCAN-9: the kernel tells of a level one again at once. */
		if ((kn->kn_status & KN_LEVEL) != 0)
			kq->kq_repeat = true;
		else if (watch_hasnews(kn))
			knote_activate(kn);
	} else if (KQ_LIKELY(kq->kq_list != NULL && kq->kq_room > 0 &&
	    TAILQ_EMPTY(&kq->kq_head)))
		kqueue_post(kq, kn);
	else
		knote_activate(kn);
}

__attribute__((__noinline__)) static void
watch_fireany(struct kqueue *kq, struct watch *w, uint32_t revents)
{
	struct knote *kn;
	unsigned int hit, live;
	int i;

	if ((w->w_state & W_SOURCE) != 0) {
		w->w_fire(w, revents);
		return;
	}
	/* A forged report: who has the descriptor can add what he likes. */
	if (w->w_fd == -1)
		return;
	if ((w->w_events & LX_ONESHOT) != 0)
		w->w_state &= (uint8_t)~W_ARMED;
	if (KQ_UNLIKELY(!kq->kq_seescloses) && !watch_verify(kq, w)) {
		watch_lost(kq, w->w_fd);
		return;
	}
	w->w_revents = revents;
	w->w_round = kq->kq_round;
	live = hit = 0;
	for (i = 0; i < WF_COUNT; i++) {
		if ((kn = w->w_kn[i]) == NULL ||
		    (kn->kn_status & KN_DISABLED) != 0)
			continue;
		live |= 1u << i;
		if ((revents & watch_masks[i]) != 0)
			hit |= 1u << i;
	}
	w->w_unready = (uint8_t)(live & ~hit);
	if (hit == 0) {
		if (live != 0)
			watch_turn(kq, w);
		return;
	}
	for (i = 0; hit != 0; i++, hit >>= 1) {
		/* Delivering one may have dropped another. */
		if ((hit & 1) != 0 && (kn = w->w_kn[i]) != NULL)
			watch_report(kq, kn);
	}
}

static inline __attribute__((__always_inline__)) void
watch_fire_inline(struct kqueue *kq, struct watch *w, uint32_t revents)
{
	/* The common case, for speed alone: data for one EVFILT_READ. */
	if (KQ_LIKELY((w->w_state & W_PLAIN) != 0 && (revents & LX_IN) != 0)) {
		w->w_revents = revents;
		w->w_round = kq->kq_round;
		watch_report(kq, w->w_kn[WF_READ]);
	} else
		watch_fireany(kq, w, revents);
}

void
watch_fire(struct kqueue *kq, struct watch *w, uint32_t revents)
{
	watch_fire_inline(kq, w, revents);
}

/*
 * The number became another kqueue while we slept, and this is a report of
 * that one: it has to be told there again.
 */
__attribute__((__noinline__)) static void
kqueue_foreign(struct kqueue *kq, uint64_t data)
{
	struct kqueue *other;
	struct watch *w;

	other = kqueue_byslot(watch_dataslot(data));
	if (other == NULL || other == kq || !kqueue_tryenter(other))
		return;
	if ((w = watch_bydata(other, data)) != NULL)
		watch_rearm(other, w);
	kqueue_leave(other);
}

void
kqueue_activate(struct kqueue *kq, const struct lx_event *ev, int n)
{
	struct watch *w;
	int i;

	KQ_ASSERT_LOCKED(kq);
	kq->kq_round++;
	for (i = 0; i < n; i++) {
		if (KQ_LIKELY((w = watch_bydata(kq, ev[i].le_data)) != NULL))
			watch_fire_inline(kq, w, ev[i].le_events);
		else
			kqueue_foreign(kq, ev[i].le_data);
	}
}

void
kqueue_unharvest(struct kqueue *kq, const struct lx_event *ev, int n)
{
	struct watch *w;
	int i;

	KQ_ASSERT_LOCKED(kq);
	for (i = 0; i < n && ev[i].le_data != UINT64_MAX; i++) {
		if ((w = watch_bydata(kq, ev[i].le_data)) != NULL)
			watch_rearm(kq, w);
		else
			kqueue_foreign(kq, ev[i].le_data);
	}
}

/*
 * Closed descriptors.
 */

bool
watch_current(struct kqueue *kq, int fd)
{
	struct watch *w;
	uint32_t gen;

	if ((w = watch_find(kq, fd)) == NULL)
		return (true);
	gen = fdtab_gen(fd);
	for (; w != NULL; w = w->w_next) {
		if (w->w_fdgen != gen)
			return (false);
	}
	return (kq->kq_seescloses);
}

/* Does the watch belong to the file that the number means now? */
static bool
watch_isours(struct kqueue *kq, struct watch *w)
{
	if (w->w_set == WSET_NONE)
		return (watch_identify(w) == 0);
	/* A MOD would let it speak once more of what it has told. */
	if (watch_silent(w) || (w->w_events & LX_EDGE) != 0)
		return (watch_exists(kq, w));
	return (lx_epoll_mod(watch_epfd(kq, w), w->w_fd, w->w_events,
	    watch_data(kq, w)) == 0);
}

/* Have the knote looked at by the next collection, and wake that. */
static void
watch_askwrite(struct knote *kn)
{
	if ((kn->kn_status & KN_QUEUED) != 0)
		knote_dequeue(kn);
	kn->kn_status |= KN_ASK;
	knote_activate(kn);
}

void
watch_closed(struct kqueue *kq, int fd, bool recheck)
{
	struct watch *next, *w;
	uint32_t gen;
	int i;

	KQ_ASSERT_LOCKED(kq);
	gen = fdtab_gen(fd);
	for (w = watch_find(kq, fd); w != NULL; w = next) {
		next = w->w_next;
		if (recheck && watch_isempty(w)) {
			/* Kept for reuse; easier made anew than verified. */
			(void)lx_epoll_del(watch_epfd(kq, w), fd);
			watch_free(kq, w);
			continue;
		}
		if (w->w_fdgen == gen && (!recheck || watch_isours(kq, w))) {
			/* Perhaps its own shutdown(), which poll() hides. */
			if (recheck && w->w_kn[WF_WRITE] != NULL &&
			    w->w_set != WSET_NONE)
				watch_askwrite(w->w_kn[WF_WRITE]);
			continue;
		}
		/*
		 * epoll's entry went with the file, or with kq_fdclosing();
		 * after an unseen close it may be there still.
		 */
		if (recheck && (w->w_state & W_INSTALLED) != 0)
			(void)lx_epoll_orphan(watch_epfd(kq, w), fd);
		w->w_state &= (uint8_t)~(W_INSTALLED | W_PLAIN);
		if (watch_isempty(w)) {
			watch_free(kq, w);
			continue;
		}
		/* The last of them frees the watch. */
		for (i = 0; i < WF_COUNT; i++) {
			if (w->w_kn[i] == NULL)
				continue;
			if (w->w_kn[i == 0 ? 1 : 0] == NULL &&
			    w->w_kn[i == 2 ? 1 : 2] == NULL) {
				knote_drop(w->w_kn[i]);
				break;
			}
			knote_drop(w->w_kn[i]);
		}
	}
}

void
watch_lost(struct kqueue *kq, int fd)
{
	KQ_ASSERT_LOCKED(kq);
	/* Not now: the caller may be in the middle of the queue. */
	kqueue_note(kq, -(fd + 1));
	kq->kq_attn |= KQA_LOST;
	(void)kq_lock_try_or_defer(&kq->kq_lock);
}

void
watch_closed_all(struct kqueue *kq, bool recheck)
{
	uint32_t i, j;

	for (i = 0; i < kq->kq_nwtab; i++) {
		if (kq->kq_wtab[i] == NULL)
			continue;
		for (j = 0; j < FDTAB_BLOCK; j++) {
			if (kq->kq_wtab[i][j] != NULL)
				watch_closed(kq, (int)(i * FDTAB_BLOCK + j),
				    recheck);
		}
	}
}

/*
 * Listening sockets (READ-21): accept() makes no edge, so after each that we
 * see, and at the start of each collection, the backlog is compared with what
 * was delivered last.
 */

void
watch_listen(struct watch *w)
{
	struct kqueue *kq = w->w_kn[WF_READ]->kn_kq;

	if ((w->w_state & W_LISTEN) != 0)
		return;
	w->w_state |= W_LISTEN;
	w->w_arg = kq->kq_relisten;
	kq->kq_relisten = w;
	watch_listens(kq);
}

static void
watch_backlog(struct kqueue *kq, struct watch *w)
{
	struct knote *kn;
	int n;

	kn = w->w_kn[WF_READ];
	if (kn == NULL || (kn->kn_status & KN_DISABLED) != 0)
		return;
	n = 0;
	(void)lx_sock_backlog(w->w_fd, watch_kind(w), &n);
	if (n == 0) {
		watch_unlisten(kq, w);
		w->w_backlog = -1;
		/* What an earlier accept() left over has been taken, too. */
		if ((kn->kn_status & KN_QUEUED) != 0 &&
		    (w->w_revents & (LX_ERR | LX_HUP)) == 0) {
			knote_dequeue(kn);
			kn->kn_status &= (unsigned short)~KN_ACTIVE;
		}
	} else if (n != w->w_backlog) {
		w->w_revents = LX_IN;
		w->w_round = kq->kq_round;
		knote_activate(kn);
	}
}

void
watch_relisten(struct kqueue *kq, int note)
{
	struct watch *next, *w;

	for (w = kq->kq_relisten; w != NULL; w = next) {
		next = w->w_arg;
		if (note == KQ_ALLFDS || note == w->w_fd + 1)
			watch_backlog(kq, w);
	}
}
