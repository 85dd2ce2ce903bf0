-- beat: keep worker incarnations alive, and learn which ones are dead and which messages are to be cancelled.
-- KEYS lease ZSET worker → end of its lease, ms
-- KEYS cancel ZSET id → until when the wish to cancel it stands, ms
-- KEYS cutoff ZSET schedule id → nominal ms: older messages of it are cancelled
-- KEYS results HASH id → how it ended, and its value
-- KEYS kept ZSET id → until when its result is kept, ms
-- KEYS ...own HASH id → record that each of the incarnations holds
-- ARGV join int 1 the first time: create the leases; later an absent one means fenced
-- ARGV lease_ms int for how long from now
-- ARGV ...wids text the incarnations of one supervisor
-- MOVES none
-- RETURNS now ms | one 1 or 0 per wid: alive or fenced | wids whose lease is over | when the next one is over, ms, or '' | ids to cancel
local lease, cancel, cutoff, results, kept = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local own = 6
local join, lease_ms = ARGV[1], tonumber(ARGV[2])
local wids = 3

-- Everything that can fail does so before the first write: Redis does not roll back.
local cancels = redis.call('ZCARD', cancel) + redis.call('ZCARD', cutoff) > 0
for k = own, #KEYS do redis.call('HLEN', KEYS[k]) end
redis.call('ZCARD', kept); redis.call('HLEN', results)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local now_text = string.format('%.0f', now)
local alive = {}
for i = wids, #ARGV do
  if join == '1' or redis.call('ZSCORE', lease, ARGV[i]) then
    redis.call('ZADD', lease, now + lease_ms, ARGV[i])
    alive[#alive + 1] = 1
  else
    alive[#alive + 1] = 0
  end
end
local wanted = {}
if cancels then
  redis.call('ZREMRANGEBYSCORE', cancel, '-inf', now_text)
  for k = own, #KEYS do
    local held = redis.call('HGETALL', KEYS[k])  -- bounded: a worker holds ≤ 256
    for i = 1, #held, 2 do
      local id, counts = held[i], (string.byte(held[i + 1], 2) or 0) % 4 >= 2
      local schedule, nominal = string.match(counts and id or '', '^(.+)@(%d+)')
      local from_ms = schedule and tonumber(redis.call('ZSCORE', cutoff, schedule) or '0') or 0
      if redis.call('ZSCORE', cancel, id) or tonumber(nominal or '0') < from_ms then wanted[#wanted + 1] = id end
    end
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', kept, '-inf', now_text, 'LIMIT', 0, 256)) do
  redis.call('ZREM', kept, id); redis.call('HDEL', results, id)
end
local dead = redis.call('ZRANGEBYSCORE', lease, '-inf', now, 'LIMIT', 0, 16)
local next_end = redis.call('ZRANGEBYSCORE', lease, '(' .. now_text, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return {now_text, alive, dead, next_end[2] or '', wanted}
