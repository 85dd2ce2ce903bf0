-- renew: restart the lease of each lock that its token still holds.
-- KEYS ...owners STRING token of the holder of each lock
-- ARGV ...holds[token, ttl_ms] one row per lock, in the order of the keys
-- MOVES none
-- RETURNS one 1 or 0 per lock: renewed, or no longer its token's
local owners, holds = 1, 1
local mine = {}
for i = owners, #KEYS do
  mine[i] = redis.call('GET', KEYS[i]) == ARGV[holds + 2 * (i - owners)] and 1 or 0
end
for i = owners, #KEYS do
  if mine[i] == 1 then redis.call('PEXPIRE', KEYS[i], ARGV[holds + 2 * (i - owners) + 1]) end
end
return mine
