-- ring: wake the waiter that was granted the lock.
-- KEYS bell LIST mailbox of that waiter
-- ARGV life_ms int a bell that nobody hears is forgotten after this
-- MOVES none
-- RETURNS 1 when it rings, 0 when it rang already or its waiter is gone
local bell = KEYS[1]
local life_ms = ARGV[1]
if redis.call('LLEN', bell) > 0 then return 0 end
redis.call('RPUSH', bell, 'yours')
redis.call('PEXPIRE', bell, life_ms)
return 1
