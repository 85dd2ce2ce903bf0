-- redrive: queue dead letters again, each once for the death that was read.
-- KEYS ready[4] LIST records by priority
-- KEYS dead ZSET id → died ms
-- KEYS deadrec HASH id → dead record
-- KEYS deadwhy HASH id → why
-- KEYS live HASH schedule id → messages not over
-- KEYS cancel ZSET id → until when the wish to cancel it stands, ms
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- KEYS log STREAM events
-- KEYS unique HASH `=` and the hash of a singleton → id of the message that is queued for it, and back
-- KEYS lane STRING what this call was answered
-- ARGV lane_ttl_ms int how long this call is recognised when it is sent again
-- ARGV log_max int entries that the log keeps
-- ARGV ...letters[id, died_ms, record, event, name] died_ms: when the death was that was read; record: to queue; event: its line; name: its field in unique or ''
-- MOVES REDRIVE
-- RETURNS one int per letter: 1 queued, 0 that death is not there any more, 2 another message is queued for its singleton
local ready = {KEYS[1], KEYS[2], KEYS[3], KEYS[4]}
local dead, deadrec, deadwhy, live, cancel = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local bell, stats, log, unique, lane = KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14]
local lane_ttl_ms, log_max = ARGV[1], ARGV[2]
local letters, width = 3, 5

-- Everything that can fail does so before the first write: Redis does not roll back.
for p = 1, 4 do redis.call('LLEN', ready[p]) end
for _, hash in ipairs({deadrec, deadwhy, live, stats}) do redis.call('HLEN', hash) end
for _, zset in ipairs({dead, cancel, bell}) do redis.call('ZCARD', zset) end
redis.call('XLEN', log); redis.call('HLEN', unique)
local told = redis.call('GET', lane)
if told then return cmsgpack.unpack(told) end

local lines, answers = {}, {}
for i = letters, #ARGV, width do
  local id, died_ms, record, name = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 4]
  local there = tonumber(redis.call('ZSCORE', dead, id) or '-1') == tonumber(died_ms)
  local taken = there and name ~= '' and redis.call('HEXISTS', unique, name) == 1
  if there and not taken then
    redis.call('ZREM', dead, id); redis.call('HDEL', deadrec, id); redis.call('HDEL', deadwhy, id)
    redis.call('ZREM', cancel, id)
    local counts_for = string.byte(record, 2) % 4 >= 2 and string.match(id, '^(.+)@')
    if counts_for then redis.call('HINCRBY', live, counts_for, 1) end
    if name ~= '' then redis.call('HSET', unique, name, id, id, name) end
    redis.call('RPUSH', ready[string.byte(record, 5) + 1], record)
    lines[#lines + 1] = ARGV[i + 3]
  end
  answers[#answers + 1] = taken and 2 or there and 1 or 0
end
if #lines > 0 then
  redis.call('HINCRBY', stats, 'redrive', #lines)
  redis.call('ZADD', bell, 0, '*')
  redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', table.concat(lines, '\n'))
end
redis.call('SET', lane, cmsgpack.pack(answers), 'PX', lane_ttl_ms)
return answers
