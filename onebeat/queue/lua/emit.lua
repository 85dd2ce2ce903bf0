-- emit: queue the fires whose cursor is still the one that the beat read.
-- KEYS gen HASH configuration → generation, and `top`, the newest
-- KEYS sched HASH schedule id → cursor
-- KEYS next ZSET schedule id → next nominal ms
-- KEYS live HASH schedule id → messages not over
-- KEYS ready[4] LIST records by priority
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- KEYS log STREAM events
-- ARGV config text hash of the configuration that this beat runs
-- ARGV log_max int entries that the log keeps
-- ARGV ...fires[id, cursor, to, next_ms, overlap, record, fields, skipped, skips] record '' = only skip; fields, skipped: JSON
-- MOVES ENQUEUE
-- RETURNS now ms, then one text per fire: emitted | skipped | moved <cursor> | early | stale
local gen, sched, next, live = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ready = {KEYS[5], KEYS[6], KEYS[7], KEYS[8]}
local bell, stats, log = KEYS[9], KEYS[10], KEYS[11]
local config, log_max = ARGV[1], ARGV[2]
local fires, width = 3, 9

-- Everything that can fail does so before the first write: Redis does not roll back.
for p = 1, 4 do redis.call('LLEN', ready[p]) end
redis.call('HLEN', sched); redis.call('ZCARD', next); redis.call('HLEN', live)
redis.call('ZCARD', bell); redis.call('HLEN', stats); redis.call('XLEN', log)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local answers = {string.format('%.0f', now)}
local current = redis.call('HGET', gen, 'top') == config

local lines, emitted, overlaps = {}, 0, 0
for i = fires, #ARGV, width do
  local id, cursor, to, next_ms = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local record, fields = ARGV[i + 5], ARGV[i + 6]
  local stored = redis.call('HGET', sched, id)
  local answer
  if not current then
    answer = 'stale'
  elseif stored ~= cursor then
    -- Compare-and-set from the value that was read: a high-water mark would lose fires after a rollback.
    answer = 'moved ' .. (stored or '')
  elseif tonumber(to) > now then
    answer = 'early'
  else
    if ARGV[i + 7] ~= '' then
      lines[#lines + 1] = ARGV[i + 7]
      redis.call('HINCRBY', stats, 'skipped', ARGV[i + 8])
    end
    answer = 'skipped'
    if record ~= '' then
      if ARGV[i + 4] == 'skip' and tonumber(redis.call('HGET', live, id) or '0') > 0 then
        lines[#lines + 1] = '{"event":"skipped",' .. fields .. ',"reason":"overlap","count":1}'
        overlaps = overlaps + 1
      else
        redis.call('RPUSH', ready[string.byte(record, 5) + 1], record)
        redis.call('HINCRBY', live, id, 1)
        lines[#lines + 1] = '{"event":"emitted",' .. fields .. '}'
        emitted = emitted + 1
        answer = 'emitted'
      end
    end
    redis.call('HSET', sched, id, to)
    if next_ms == '' then redis.call('ZREM', next, id) else redis.call('ZADD', next, next_ms, id) end
  end
  answers[#answers + 1] = answer
end
if emitted > 0 then
  redis.call('HINCRBY', stats, 'emitted', emitted)
  redis.call('ZADD', bell, 0, '*')
end
if overlaps > 0 then redis.call('HINCRBY', stats, 'skipped', overlaps) end
if #lines > 0 then redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', table.concat(lines, '\n')) end
return answers
