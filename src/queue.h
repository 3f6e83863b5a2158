/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two list kinds that the library uses: glibc's <sys/queue.h> lacks the
 * _SAFE loops and musl ships none.  Names and meaning are the BSDs'.
 */
#ifndef _KQ_QUEUE_H_
#define	_KQ_QUEUE_H_

/* A list with one pointer per element; removal needs a walk. */
#define	SLIST_HEAD(name, type)						\
struct name {								\
	struct type *slh_first;						\
}
#define	SLIST_ENTRY(type)						\
struct {								\
	struct type *sle_next;						\
}
#define	SLIST_FIRST(head)	((head)->slh_first)
#define	SLIST_NEXT(elm, field)	((elm)->field.sle_next)
#define	SLIST_INIT(head)	((head)->slh_first = NULL)
#define	SLIST_EMPTY(head)	((head)->slh_first == NULL)
#define	SLIST_FOREACH(var, head, field)					\
	for ((var) = SLIST_FIRST(head); (var) != NULL;			\
	    (var) = SLIST_NEXT(var, field))
#define	SLIST_FOREACH_SAFE(var, head, field, tmp)			\
	for ((var) = SLIST_FIRST(head);					\
	    (var) != NULL && ((tmp) = SLIST_NEXT(var, field), 1);	\
	    (var) = (tmp))
#define	SLIST_INSERT_HEAD(head, elm, field)				\
do {									\
	(elm)->field.sle_next = (head)->slh_first;			\
	(head)->slh_first = (elm);					\
} while (0)
#define	SLIST_REMOVE_HEAD(head, field)					\
	((head)->slh_first = (head)->slh_first->field.sle_next)
/* elm has to be on the list. */
#define	SLIST_REMOVE(head, elm, type, field)				\
do {									\
	struct type **sl_p_ = &(head)->slh_first;			\
	while (*sl_p_ != (elm))						\
		sl_p_ = &(*sl_p_)->field.sle_next;			\
	*sl_p_ = (elm)->field.sle_next;					\
} while (0)

/* A double list with a tail. */
#define	TAILQ_HEAD(name, type)						\
struct name {								\
	struct type *tqh_first;						\
	struct type **tqh_last;						\
}
#define	TAILQ_ENTRY(type)						\
struct {								\
	struct type *tqe_next;						\
	struct type **tqe_prev;						\
}
#define	TAILQ_FIRST(head)	((head)->tqh_first)
#define	TAILQ_NEXT(elm, field)	((elm)->field.tqe_next)
#define	TAILQ_EMPTY(head)	((head)->tqh_first == NULL)
#define	TAILQ_INIT(head)						\
do {									\
	(head)->tqh_first = NULL;					\
	(head)->tqh_last = &(head)->tqh_first;				\
} while (0)
#define	TAILQ_FOREACH(var, head, field)					\
	for ((var) = TAILQ_FIRST(head); (var) != NULL;			\
	    (var) = TAILQ_NEXT(var, field))
#define	TAILQ_FOREACH_SAFE(var, head, field, tmp)			\
	for ((var) = TAILQ_FIRST(head);					\
	    (var) != NULL && ((tmp) = TAILQ_NEXT(var, field), 1);	\
	    (var) = (tmp))
#define	TAILQ_INSERT_TAIL(head, elm, field)				\
do {									\
	(elm)->field.tqe_next = NULL;					\
	(elm)->field.tqe_prev = (head)->tqh_last;			\
	*(head)->tqh_last = (elm);					\
	(head)->tqh_last = &(elm)->field.tqe_next;			\
} while (0)
#define	TAILQ_REMOVE(head, elm, field)					\
do {									\
	if ((elm)->field.tqe_next != NULL)				\
		(elm)->field.tqe_next->field.tqe_prev =			\
		    (elm)->field.tqe_prev;				\
	else								\
		(head)->tqh_last = (elm)->field.tqe_prev;		\
	*(elm)->field.tqe_prev = (elm)->field.tqe_next;			\
} while (0)

#endif /* !_KQ_QUEUE_H_ */
