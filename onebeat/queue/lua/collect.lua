-- collect: what came of a message, and say that somebody waits for it when it is not over.
-- KEYS awaited HASH id → for how long its result will be kept, ms, and `w` while somebody waits for it
-- KEYS results HASH id → how it ended, and its value
-- KEYS kept ZSET id → until when its result is kept, ms
-- KEYS dead ZSET id → died ms
-- KEYS deadwhy HASH id → why
-- ARGV id text the message
-- ARGV waits int 1: whoever ends it shall tell
-- MOVES none
-- RETURNS done, cancelled, skipped or expired, and its value if it has one | dead, why | pending, now ms | none
local awaited, results, kept, dead, deadwhy = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, waits = ARGV[1], ARGV[2]

-- Everything that can fail does so before the first write: Redis does not roll back.
local asked, ending = redis.call('HGET', awaited, id), redis.call('HGET', results, id)
local ends, died = redis.call('ZSCORE', kept, id), redis.call('ZSCORE', dead, id)
local why = redis.call('HGET', deadwhy, id)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- The dead first: a letter may be redriven, and what it left when it ended before is older.
if died then return {'dead', why or ''} end
if asked then
  if waits == '1' and string.sub(asked, -1) ~= 'w' then redis.call('HSET', awaited, id, asked .. 'w') end
  return {'pending', string.format('%.0f', now)}
end
if ending and ends and tonumber(ends) > now then
  local at = string.find(ending, '\n', 1, true)
  if not at then return {ending} end
  return {string.sub(ending, 1, at - 1), string.sub(ending, at + 1)}
end
return {'none'}
