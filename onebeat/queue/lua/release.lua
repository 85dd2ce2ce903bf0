-- release: a living worker gives messages back to the front; no delivery is counted.
-- KEYS own HASH what this worker holds
-- KEYS lease ZSET worker → end of its lease, ms
-- KEYS ready[4] LIST records by priority
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- KEYS log STREAM events
-- KEYS progress HASH id → when, ms, and how far its run is: JSON
-- ARGV wid text this worker incarnation
-- ARGV leave int 1: give back everything and end the lease (ids are not looked at)
-- ARGV log_max int entries that the log keeps
-- ARGV ...ids text what to give back
-- MOVES RELEASE
-- RETURNS how many went back
local own, lease = KEYS[1], KEYS[2]
local ready = {KEYS[3], KEYS[4], KEYS[5], KEYS[6]}
local bell, stats, log, progress = KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local wid, leave, log_max = ARGV[1], ARGV[2], ARGV[3]
local ids = 4
local GONE, GONE_MS = '9007199254740991', 3600000  -- whatever it sent before, and arrives within so long, is stale

-- Foreign bytes must not keep back the rest: without a usable priority they go last.
local function list_of(record) return ready[(string.byte(record, 5) or 3) + 1] or ready[4] end

-- Everything that can fail does so before the first write: Redis does not roll back.
for p = 1, 4 do redis.call('LLEN', ready[p]) end
redis.call('ZCARD', lease); redis.call('ZCARD', bell); redis.call('HLEN', stats); redis.call('XLEN', log)
redis.call('HLEN', progress)
local held = {}
if leave == '1' then
  local pairs_ = redis.call('HGETALL', own)  -- bounded: a worker holds ≤ 256
  for i = 1, #pairs_, 2 do
    if pairs_[i] ~= '#' then held[#held + 1] = {id = pairs_[i], record = pairs_[i + 1]} end
  end
else
  local named = {['#'] = true}
  for i = ids, #ARGV do
    local id = ARGV[i]
    local record = not named[id] and redis.call('HGET', own, id)
    if record then held[#held + 1] = {id = id, record = record} end
    named[id] = true
  end
end
-- Pushed youngest first, so that the oldest ends up in front.
table.sort(held, function(a, b)
  return string.sub(a.record, 6, 11) .. a.id > string.sub(b.record, 6, 11) .. b.id
end)
local lines = {}
for _, message in ipairs(held) do
  redis.call('HDEL', own, message.id); redis.call('HDEL', progress, message.id)
  redis.call('LPUSH', list_of(message.record), message.record)
  if (string.byte(message.record, 2) or 0) % 2 == 1 then
    lines[#lines + 1] = '{"event":"released","id":"' .. message.id .. '","worker":"' .. wid .. '"}'
  end
end
if leave == '1' then
  redis.call('HSET', own, '#', GONE); redis.call('PEXPIRE', own, GONE_MS)
  redis.call('ZREM', lease, wid)
end
if #held > 0 then
  redis.call('HINCRBY', stats, 'released', #held)
  redis.call('ZADD', bell, 0, '*')
end
if #lines > 0 then redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', table.concat(lines, '\n')) end
return #held
