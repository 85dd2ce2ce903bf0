/* fence: is an update ever lost, although a lease may end while its holder still works?
 *
 * Holders take a lock (with a fence), read a value, and write back one more: the read and the write are two
 * steps. The lease may end at any moment, which lets the next one in; a holder may die at any moment, which
 * rolls its transaction back. The fence row is locked from its UPDATE to the end of the transaction.
 *
 *   (nothing)            the fence is registered before the first read                   holds
 *   -DFENCE_AT_WRITE     the fence is compared and registered with the write             an update is lost
 *   -DNO_FENCE           only the lock protects                                          an update is lost
 */
#define HOLDERS 3
#define ROUNDS 2
#define NOBODY 255

byte lock = NOBODY;             /* whose lease the store believes in */
byte last_fence;                /* handed out with the lock, never the same twice */
byte value, registered;         /* the resource: what is committed */
byte row = NOBODY;              /* who has the fence row locked */
byte commits;                   /* ghost: how many were told that their increment is committed */
byte over;

active [HOLDERS] proctype Holder() {
  byte round, fence, seen;
  do
  :: round < ROUNDS ->
    atomic { lock == NOBODY -> lock = _pid; last_fence++; fence = last_fence }
#if !defined(FENCE_AT_WRITE) && !defined(NO_FENCE)
    atomic { row == NOBODY -> row = _pid }      /* UPDATE … WHERE fence < :fence waits for the row */
    if
    :: registered >= fence -> goto end_of_round /* Fenced */
    :: else
    fi;
#endif
    seen = value;
    if
    :: goto end_of_round                        /* it dies, or its handler raises: nothing is committed */
    :: skip
    fi;
    atomic {                                    /* COMMIT makes value and fence visible together */
#ifdef FENCE_AT_WRITE
      if
      :: registered >= fence -> goto end_of_round
      :: else
      fi;
#endif
#ifndef NO_FENCE
      assert(fence > registered);               /* F1 */
      registered = fence;
#endif
      value = seen + 1;
      commits++;
      assert(value == commits)                  /* F3 */
    }
end_of_round:
    atomic {
      if :: row == _pid -> row = NOBODY :: else fi;
      if :: lock == _pid -> lock = NOBODY :: else fi;   /* only the owner releases */
      fence = 0;
      seen = 0;
      round++
    }
  :: else -> break
  od;
  over++
}

active proctype Leases() {      /* a lease ends, whatever its holder believes */
  do
  :: atomic { lock != NOBODY -> lock = NOBODY }
  :: over == HOLDERS -> break
  od
}
