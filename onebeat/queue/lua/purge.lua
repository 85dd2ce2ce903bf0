-- purge: end messages that have not begun, each where it was seen.
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
-- KEYS slots HASH `/` and the hash of a key → how many of its messages may run, and id of each → that
-- KEYS lane STRING what this call was answered
-- KEYS ...uniq STRING the marker of each idempotent call among them
-- ARGV lane_ttl_ms int how long this call is recognised when it is sent again
-- ARGV log_max int entries that the log keeps
-- ARGV fields text JSON members of each event
-- ARGV ...messages[id, list, place] list: 1 to 4 the ready list at whose front it is, 0 delayed; place: among the markers, or 0
-- MOVES PURGE WITHDRAW
-- RETURNS one int per message: 1 ended, 0 it is not there any more
local ready = {KEYS[1], KEYS[2], KEYS[3], KEYS[4]}
local due, duerec, live, waiting, waitrec = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local cancel, cutoff, bell, stats, log, unique = KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14], KEYS[15]
local parked, parkedof, awaited, results, kept = KEYS[16], KEYS[17], KEYS[18], KEYS[19], KEYS[20]
local slots, lane, uniq = KEYS[21], KEYS[22], 22
local lane_ttl_ms, log_max, fields = ARGV[1], ARGV[2], ARGV[3]
local messages, width = 4, 3

-- Foreign bytes must not stop a claim half-way: no usable id → SHA-1 (as in record.py), no priority → last.
local function id_of(record)
  local id = string.sub(record, 15, 14 + (string.byte(record, 12) or 0))
  return string.find(id, '^[%w_.:@+~-]+$') and id or redis.sha1hex(record)
end
local function list_of(record) return ready[(string.byte(record, 5) or 3) + 1] or ready[4] end

-- Everything that can fail does so before the first write: Redis does not roll back.
for p = 1, 4 do redis.call('LLEN', ready[p]) end
for _, hash in ipairs({duerec, live, waitrec, stats, results}) do redis.call('HLEN', hash) end
for _, zset in ipairs({due, cancel, cutoff, bell, kept}) do redis.call('ZCARD', zset) end
redis.call('XLEN', log)
local waits, backlog = redis.call('ZCARD', waiting) > 0, 0
local parks = redis.call('HLEN', parkedof) + redis.call('ZCARD', parked) > 0
local uniques, awaits = redis.call('HLEN', unique) > 0, redis.call('HLEN', awaited) > 0
local seats = redis.call('HLEN', slots) > 0
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local used = {}
for k = uniq + 1, #KEYS do used[k - uniq] = string.match(redis.call('GET', KEYS[k]) or '', '^%S+') end
local told = redis.call('GET', lane)
if told then return cmsgpack.unpack(told) end

-- include over

-- include freed
-- include result
-- include line
-- include slot
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

-- Only from the front: a list cannot be searched, and what was claimed meanwhile is not there any more.
local function popped(list, id)
  local record = redis.call('LINDEX', list, 0)
  return record and id_of(record) == id and redis.call('LPOP', list)
end

local lines, answers = {}, {}
for i = messages, #ARGV, width do
  local id, list, place = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local record
  if list > 0 then record = popped(ready[list], id) else record = withdrawn(id) end
  if record then
    lines[#lines + 1] = '{"event":"ended","id":"' .. id .. '","state":"cancelled",' .. fields .. '}'
    redis.call('ZREM', cancel, id)
    freed(id); unparked(id); vacated(id); concluded(id, 'cancelled', 0)
    -- who sends it again under its key means a new call; the marker of another message stays
    if used[place] == id then redis.call('DEL', KEYS[uniq + place]) end
    local counts_for = (string.byte(record, 2) or 0) % 4 >= 2 and string.match(id, '^(.+)@')
    if counts_for then over(counts_for) end
  end
  answers[#answers + 1] = record and 1 or 0
end
if backlog > 0 then redis.call('ZADD', bell, 0, '*') end
if #lines > 0 then
  redis.call('HINCRBY', stats, 'purge', #lines)
  redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', table.concat(lines, '\n'))
end
redis.call('SET', lane, cmsgpack.pack(answers), 'PX', lane_ttl_ms)
return answers
