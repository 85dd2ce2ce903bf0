/* emit: is every nominal time queued once, although replies get lost and a failover takes the store back?
 *
 * Two beats, the script onebeat/queue/lua/emit.lua as one atomic step, and a nemesis that replaces the store by
 * an older copy of itself, twice, at any moment (a replica that lagged becomes the master).
 *
 *   (nothing)            the cursor is compared with the value that the beat read        holds
 *   -DHIGH_WATER_MARK    the cursor must only be lower than the new nominal time         a time is never queued
 *   -DNO_COMPARISON      the beat is believed                                            a time is queued twice
 */
#define TIMES 4                 /* nominal times 1 … TIMES; cursor 0: nothing is decided yet */
#define FAILOVERS 2

byte cursor;
bool queued[TIMES + 1];
byte copy_cursor;               /* what the replica has */
bool copy_queued[TIMES + 1];
bool calm;                      /* the faults are over */

/* E2: whatever the cursor has passed is in the queue. */
inline nothing_is_skipped() {
  n = 1;
  do
  :: n <= cursor -> assert(queued[n]); n++
  :: else -> break
  od;
  n = 0
}

inline emit(read, to, answer) {
  atomic {
    if
#ifdef HIGH_WATER_MARK
    :: to > cursor ->
#else
#ifdef NO_COMPARISON
    :: true ->
#else
    :: cursor == read ->
#endif
#endif
      assert(!queued[to]);      /* E1 */
      queued[to] = true;
      cursor = to;
      answer = to
#ifndef NO_COMPARISON
    :: else -> answer = cursor  /* moved: where it is now */
#endif
    fi;
    nothing_is_skipped()
  }
}

active [2] proctype Beat() {
  byte read, answer, n;
  do
  :: read < TIMES ->
    emit(read, read + 1, answer);
    if
    :: read = answer
    :: skip                     /* the reply is lost: the same call is sent again */
    fi
  :: read = cursor              /* it starts again, or asks where the cursors are */
  :: calm && cursor == TIMES -> break
  od
}

active proctype Nemesis() {
  byte left = FAILOVERS, n;
  do
  :: left > 0 ->
    atomic {                    /* the replica has heard everything up to now */
      copy_cursor = cursor;
      n = 1;
      do
      :: n <= TIMES -> copy_queued[n] = queued[n]; n++
      :: else -> break
      od;
      n = 0
    }
  :: left > 0 ->
    atomic {                    /* failover: what came later is gone */
      cursor = copy_cursor;
      n = 1;
      do
      :: n <= TIMES -> queued[n] = copy_queued[n]; n++
      :: else -> break
      od;
      n = 0;
      left--
    }
  :: calm = true; break
  od
}
