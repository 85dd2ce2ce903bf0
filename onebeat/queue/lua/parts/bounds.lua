local LOOK_MS = 60000  -- what waits for a slot looks so often by itself, although whoever has one wakes it
local FAR_MS = 3600000  -- what waits for a token behind others: the first of its line wakes it
local paced, seen, now_us = {}, {}, now * 1000  -- paced: the rates whose lines this call has to do with

-- What bounds a message, as its header says: a key and its limit, a rate, or both; an error for foreign bytes.
local function bounds_of(record)
  local from = 15 + string.byte(record, 12)
  local length = string.byte(record, 13) * 256 + string.byte(record, 14)
  local said, found = cmsgpack.unpack(string.sub(record, from, from + length - 1)).c, {}
  local slot, rate = said[1], said[2]
  if slot then
    found.key, found.limit = '/' .. redis.sha1hex(slot[1]), math.floor(math.max(1, math.min(slot[2], 1000000)))
  end
  if rate then
    found.rate, found.every_us, found.burst = '~' .. redis.sha1hex(rate[1]), rate[2], rate[3]
    assert(found.every_us >= 1 and found.every_us <= 1e14 and found.burst >= 1 and found.burst <= 1e6)
  end
  return found
end
local function first_of(line)
  return parks and redis.call('ZRANGEBYLEX', parked, '[' .. line .. ' ', '(' .. line .. '!', 'LIMIT', 0, 1)[1]
end
local function pace(rate)
  if not seen[rate] then seen[rate] = true; paced[#paced + 1] = rate end
end
-- When all tokens are back, µs; what is later than that can be was written for another rule or by another clock.
local function full_us(b)
  local full, last = tonumber(redis.call('ZSCORE', rates, b.rate) or '0'), now_us + b.burst * b.every_us
  if full <= last then return full end
  redis.call('ZADD', rates, string.format('%.0f', last), b.rate)
  return last
end
-- When the next token is there, µs: the generic cell rate algorithm (ITU-T I.371).
local function token_us(b) return full_us(b) - (b.burst - 1) * b.every_us end
local function taken_of(key) return tonumber(seats and redis.call('HGET', slots, key) or '0') end
-- It begins: its slot and its token are taken.
local function take(id, b)
  if b.key and not (seats and redis.call('HEXISTS', slots, id) == 1) then
    redis.call('HSET', slots, b.key, taken_of(b.key) + 1, id, b.key)
    seats = true
  end
  if not b.rate then return end
  local full = math.max(now_us, full_us(b)) + b.every_us
  redis.call('ZADD', rates, string.format('%.0f', full), b.rate)
  -- one more and two less: who has all tokens again is as one that was never seen
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', rates, '-inf', string.format('%.0f', now_us), 'LIMIT', 0, 2)) do
    redis.call('ZREM', rates, old)
  end
  local last = tonumber(redis.call('ZREVRANGE', rates, 0, 0, 'WITHSCORES')[2])
  redis.call('PEXPIRE', rates, string.format('%.0f', math.max(0, math.ceil((last - now_us) / 1000)) + FAR_MS))
end
