-- discard: throw dead letters away, each once for the death that was read; they stay dead.
-- KEYS dead ZSET id → died ms
-- KEYS deadrec HASH id → dead record
-- KEYS deadwhy HASH id → why
-- KEYS stats HASH counters
-- KEYS log STREAM events
-- KEYS awaited HASH id → for how long its result will be kept, ms, and `w` while somebody waits for it
-- KEYS lane STRING what this call was answered
-- KEYS ...uniq STRING the marker of each idempotent call among them
-- ARGV lane_ttl_ms int how long this call is recognised when it is sent again
-- ARGV log_max int entries that the log keeps
-- ARGV ...letters[id, died_ms, event, place] died_ms: when the death was that was read; place: among the markers, or 0
-- MOVES none
-- RETURNS one int per letter: 1 thrown away, 0 that death is not there any more
local dead, deadrec, deadwhy, stats, log, awaited = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local lane, uniq = KEYS[7], 7
local lane_ttl_ms, log_max = ARGV[1], ARGV[2]
local letters, width = 3, 4

-- Everything that can fail does so before the first write: Redis does not roll back.
for _, hash in ipairs({deadrec, deadwhy, stats, awaited}) do redis.call('HLEN', hash) end
redis.call('ZCARD', dead); redis.call('XLEN', log)
local used = {}
for k = uniq + 1, #KEYS do used[k - uniq] = string.match(redis.call('GET', KEYS[k]) or '', '^%S+') end
local told = redis.call('GET', lane)
if told then return cmsgpack.unpack(told) end

local lines, answers = {}, {}
for i = letters, #ARGV, width do
  local id, died_ms, place = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 3])
  local there = tonumber(redis.call('ZSCORE', dead, id) or '-1') == tonumber(died_ms)
  if there then
    redis.call('ZREM', dead, id); redis.call('HDEL', deadrec, id); redis.call('HDEL', deadwhy, id)
    redis.call('HDEL', awaited, id)
    -- who sends it again under its key means a new call; the marker of another message stays
    if used[place] == id then redis.call('DEL', KEYS[uniq + place]) end
    lines[#lines + 1] = ARGV[i + 2]
  end
  answers[#answers + 1] = there and 1 or 0
end
if #lines > 0 then
  redis.call('HINCRBY', stats, 'discard', #lines)
  redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', table.concat(lines, '\n'))
end
redis.call('SET', lane, cmsgpack.pack(answers), 'PX', lane_ttl_ms)
return answers
