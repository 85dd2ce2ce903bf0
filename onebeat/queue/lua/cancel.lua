-- cancel: end messages that have not begun, and ask for the end of those that run.
-- KEYS ready[4] LIST records by priority
-- KEYS due ZSET id → due ms
-- KEYS duerec HASH id → delayed record
-- KEYS live HASH schedule id → messages not over
-- KEYS waiting ZSET ids that wait until the run before them is over
-- KEYS waitrec HASH id → waiting record
-- KEYS cancel ZSET id → until when the wish to cancel it stands, ms
-- KEYS cutoff ZSET schedule id → nominal ms: older messages of it are cancelled
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- KEYS log STREAM events
-- KEYS unique HASH `=` and the hash of a singleton → id of the message that is queued for it, and back
-- KEYS parked ZSET lock or key, place and id of what waits for a lock, a slot or a token, in the order of its turn
-- KEYS parkedof HASH id → its member of parked
-- KEYS awaited HASH id → for how long its result will be kept, ms, and `w` while somebody waits for it
-- KEYS results HASH id → how it ended, and its value
-- KEYS kept ZSET id → until when its result is kept, ms
-- ARGV stands_ms int how long the wish is kept for a message that is in a list or with a worker
-- ARGV log_max int entries that the log keeps
-- ARGV ...ids text what to cancel
-- MOVES WITHDRAW
-- RETURNS one text per id: cancelled | asked
local ready = {KEYS[1], KEYS[2], KEYS[3], KEYS[4]}
local due, duerec, live, waiting, waitrec = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local cancel, cutoff, bell, stats, log, unique = KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14], KEYS[15]
local parked, parkedof, awaited, results, kept = KEYS[16], KEYS[17], KEYS[18], KEYS[19], KEYS[20]
local stands_ms, log_max = tonumber(ARGV[1]), ARGV[2]
local ids = 3

-- Foreign bytes must not end up nowhere: without a usable priority they go last.
local function list_of(record) return ready[(string.byte(record, 5) or 3) + 1] or ready[4] end

-- Everything that can fail does so before the first write: Redis does not roll back.
for p = 1, 4 do redis.call('LLEN', ready[p]) end
for _, hash in ipairs({duerec, live, waitrec, stats, results}) do redis.call('HLEN', hash) end
for _, zset in ipairs({due, cancel, cutoff, bell, kept}) do redis.call('ZCARD', zset) end
redis.call('XLEN', log)
local waits, backlog = redis.call('ZCARD', waiting) > 0, 0
local uniques, awaits = redis.call('HLEN', unique) > 0, redis.call('HLEN', awaited) > 0
local parks = redis.call('HLEN', parkedof) + redis.call('ZCARD', parked) > 0
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

-- include over

-- include freed
-- include result
-- include line
-- The record of a message that has not begun and is in no list, taken out; false for any other.
local function withdrawn(id)
  local record = redis.call('HGET', duerec, id)
  if record then
    redis.call('ZREM', due, id); redis.call('HDEL', duerec, id)
    return record
  end
  record = redis.call('HGET', waitrec, id)
  if record then redis.call('ZREM', waiting, id); redis.call('HDEL', waitrec, id) end
  return record
end

local lines, answers = {}, {}
for i = ids, #ARGV do
  local id = ARGV[i]
  local record = withdrawn(id)
  if record then
    lines[#lines + 1] = '{"event":"ended","id":"' .. id .. '","state":"cancelled","reason":"cancelled"}'
    redis.call('ZREM', cancel, id)
    freed(id); unparked(id); concluded(id, 'cancelled', 0)
    local counts_for = (string.byte(record, 2) or 0) % 4 >= 2 and string.match(id, '^(.+)@')
    if counts_for then over(counts_for) end
  else
    -- It is in a list, which cannot be searched, or with a worker: whoever has it next learns of the wish.
    redis.call('ZADD', cancel, now + stands_ms, id)
  end
  answers[#answers + 1] = record and 'cancelled' or 'asked'
end
if backlog > 0 then redis.call('ZADD', bell, 0, '*') end
if #lines > 0 then
  redis.call('HINCRBY', stats, 'cancel', #lines)
  redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', table.concat(lines, '\n'))
end
return answers
