-- beat: keep worker incarnations alive, and learn which ones are dead.
-- KEYS lease ZSET worker → end of its lease, ms
-- ARGV join int 1 the first time: create the leases; later an absent one means fenced
-- ARGV lease_ms int for how long from now
-- ARGV ...wids text the incarnations of one supervisor
-- MOVES none
-- RETURNS now ms | one 1 or 0 per wid: alive or fenced | wids whose lease is over | when the next one is over, ms, or ''
local lease = KEYS[1]
local join, lease_ms = ARGV[1], tonumber(ARGV[2])
local wids = 3
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local alive = {}
for i = wids, #ARGV do
  if join == '1' or redis.call('ZSCORE', lease, ARGV[i]) then
    redis.call('ZADD', lease, now + lease_ms, ARGV[i])
    alive[#alive + 1] = 1
  else
    alive[#alive + 1] = 0
  end
end
local dead = redis.call('ZRANGEBYSCORE', lease, '-inf', now, 'LIMIT', 0, 16)
local next_end = redis.call('ZRANGEBYSCORE', lease, '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return {string.format('%.0f', now), alive, dead, next_end[2] or ''}
