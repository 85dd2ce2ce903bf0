/* lease: does a message leave a worker only when the worker's lease is over, and does it end once?
 *
 * Two workers claim, run and settle two messages (cycle.lua), renew their leases (beat.lua), and recover each
 * other (recover.lua). Looking for the dead and recovering them are two calls: between them a slow worker may
 * have renewed. A worker may die while it runs something.
 *
 *   (nothing)            recover looks at the lease again; settle at the lease and the ownership     holds
 *   -DNO_RE_CHECK        recover believes the earlier look                               a living worker is robbed
 *   -DNO_OWNER_CHECK     settle looks only at the lease                                              holds
 *   -DNO_FENCED_ANSWER   settle looks only at the ownership                                          holds
 *   both of these        settle believes the worker                                      a message ends twice
 *
 * Each of the two looks of settle is enough by itself: a test that removes one of them sees nothing here.
 */
#define MESSAGES 2
#define DEATHS 1
#define READY 2                 /* owner: 0 and 1 are the workers */
#define DONE 3

mtype = { VALID, OVER, ABSENT };
mtype lease[2] = VALID;
bool kept[2] = true;            /* ghost: its lease was not over since its last renewal */
byte owner[MESSAGES] = READY;
byte running[2] = MESSAGES;     /* what it runs; MESSAGES: nothing */
byte deaths;

#define all_done (owner[0] == DONE && owner[1] == DONE)

inline claim(me, m) {
  atomic {
    owner[m] == READY && lease[me] != ABSENT && running[me] == MESSAGES ->
    assert(!(running[1 - me] == m && kept[1 - me]));    /* P7: a slow worker's message is not run again */
    owner[m] = me;
    running[me] = m;
    lease[me] = VALID;
    kept[me] = true
  }
}

inline settle(me) {
  atomic {
#ifdef NO_FENCED_ANSWER
    running[me] != MESSAGES ->
#else
    running[me] != MESSAGES && lease[me] != ABSENT ->
#endif
    if
#ifdef NO_OWNER_CHECK
    :: true ->
#else
    :: owner[running[me]] == me ->
#endif
      assert(owner[running[me]] != DONE);               /* Q4 */
      owner[running[me]] = DONE
#ifndef NO_OWNER_CHECK
    :: else                                             /* late: changes nothing */
#endif
    fi;
    running[me] = MESSAGES
  }
}

/* A new incarnation: what ran in the old one is gone with its process. */
inline join(me) {
  running[me] = MESSAGES;
  lease[me] = VALID;
  kept[me] = true
}

inline recover(me) {
  atomic {
#ifdef NO_RE_CHECK
    if
    :: true ->
#else
    if
    :: lease[1 - me] != VALID ->
#endif
      if :: owner[0] == 1 - me -> owner[0] = READY :: else fi;
      if :: owner[1] == 1 - me -> owner[1] = READY :: else fi;
      lease[1 - me] = ABSENT
#ifndef NO_RE_CHECK
    :: else                                             /* alive after all */
#endif
    fi
  }
}

active [2] proctype Worker() {
  bool saw_dead;
  do
  :: claim(_pid, 0)
  :: claim(_pid, 1)
  :: settle(_pid)
  :: atomic { lease[_pid] != ABSENT -> lease[_pid] = VALID; kept[_pid] = true }         /* renew */
  :: atomic { lease[1 - _pid] == OVER -> saw_dead = true }                              /* look … */
  :: atomic { saw_dead -> saw_dead = false }; recover(_pid)                             /* … and act, later */
  :: atomic { lease[_pid] == ABSENT -> join(_pid) }                                     /* fenced: start anew */
  :: atomic {                                                                           /* killed */
      running[_pid] != MESSAGES && deaths < DEATHS ->
      deaths++;
      running[_pid] = MESSAGES;
      lease[_pid] == ABSENT -> join(_pid)               /* its successor comes when it was recovered */
    }
  :: all_done -> break
  od
}

active proctype Time() {        /* a lease ends when nobody renewed it in time */
  do
  :: atomic { lease[0] == VALID -> lease[0] = OVER; kept[0] = false }
  :: atomic { lease[1] == VALID -> lease[1] = OVER; kept[1] = false }
  :: all_done -> break
  od
}
