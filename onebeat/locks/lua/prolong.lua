-- prolong: restart the lease of each share that its token still holds.
-- KEYS ...permits ZSET token of who is in → end of its lease, ms
-- ARGV ...holds[token, ttl_ms] one row per share, in the order of the keys
-- MOVES none
-- RETURNS one 1 or 0 per share: renewed, or no longer its token's
local permits, holds = 1, 1
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local mine = {}
for i = permits, #KEYS do
  local token = ARGV[holds + 2 * (i - permits)]
  mine[i] = tonumber(redis.call('ZSCORE', KEYS[i], token) or '0') > now and 1 or 0
end
for i = permits, #KEYS do
  if mine[i] == 1 then
    local token, ttl_ms = ARGV[holds + 2 * (i - permits)], ARGV[holds + 2 * (i - permits) + 1]
    redis.call('ZADD', KEYS[i], now + ttl_ms, token)
    redis.call('PEXPIRE', KEYS[i], math.max(redis.call('PTTL', KEYS[i]), ttl_ms))
  end
end
return mine
