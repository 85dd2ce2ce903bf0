-- insert: queue runs that a person asks for, beside the plan: no cursor moves.
-- KEYS live HASH schedule id → messages not over
-- KEYS ready[4] LIST records by priority
-- KEYS waiting ZSET ids that wait until the run before them is over
-- KEYS waitrec HASH id → waiting record
-- KEYS cancel ZSET id → until when the wish to cancel it stands, ms
-- KEYS cutoff ZSET schedule id → nominal ms: older messages of it are cancelled
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- KEYS log STREAM events
-- KEYS unique HASH `=` and the hash of a singleton → id of the message that is queued for it, and back
-- KEYS ...uniq STRING for each run: which call queued it, and what it was answered
-- ARGV token text this call; sent again it is answered again
-- ARGV kept_ms int for how long the same id is not queued again
-- ARGV wait_max int messages of one schedule that wait at the most
-- ARGV log_max int entries that the log keeps
-- ARGV ...asked[id, schedule, nominal_ms, overlap, record, fields, name] fields: JSON members of the event; name: its field in unique or ''
-- MOVES ENQUEUE DELAY
-- RETURNS one text per run: emitted | waits | skipped | queued (another one is, for its singleton) | existing
local live = KEYS[1]
local ready = {KEYS[2], KEYS[3], KEYS[4], KEYS[5]}
local waiting, waitrec, cancel, cutoff = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local bell, stats, log, unique = KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local uniq = 14
local token, kept_ms, wait_max, log_max = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local asked, width = 5, 7

-- Everything that can fail does so before the first write: Redis does not roll back.
for p = 1, 4 do redis.call('LLEN', ready[p]) end
for _, hash in ipairs({live, waitrec, stats}) do redis.call('HLEN', hash) end
for _, zset in ipairs({waiting, cancel, cutoff, bell}) do redis.call('ZCARD', zset) end
redis.call('XLEN', log); redis.call('HLEN', unique)
local told = {}
for k = uniq, #KEYS do
  local before, answer = string.match(redis.call('GET', KEYS[k]) or '', '^(%S+) (%S+)$')
  told[k] = before and (before == token and answer or 'existing')
end

local function inserted(id, schedule, nominal_ms, overlap, record, name)
  if name ~= '' and redis.call('HEXISTS', unique, name) == 1 then return 'queued' end
  local count = overlap == 'allow' and 0 or tonumber(redis.call('HGET', live, schedule) or '0')
  if count > 0 and overlap == 'cancel-running' then redis.call('ZADD', cutoff, nominal_ms, schedule) end
  if count == 0 then
    redis.call('RPUSH', ready[string.byte(record, 5) + 1], record)
  elseif overlap == 'cancel-running' or (overlap == 'queue-one' and count == 1)
    or (overlap == 'queue-all' and count <= wait_max) then
    redis.call('ZADD', waiting, 0, id)
    redis.call('HSET', waitrec, id, record)
  else
    return 'skipped'
  end
  redis.call('ZREM', cancel, id)
  if name ~= '' then redis.call('HSET', unique, name, id, id, name) end
  if overlap ~= 'allow' then redis.call('HINCRBY', live, schedule, 1) end
  return count == 0 and 'emitted' or 'waits'
end

local lines, answers, emitted, skipped = {}, {}, 0, {overlap = 0, queued = 0}
for i = asked, #ARGV, width do
  local id, fields = ARGV[i], ARGV[i + 5]
  local k = uniq + #answers
  local answer = told[k]
  if not answer then
    answer = inserted(id, ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 6])
    redis.call('SET', KEYS[k], token .. ' ' .. answer, 'PX', kept_ms)
    if answer == 'skipped' or answer == 'queued' then
      local reason = answer == 'queued' and 'queued' or 'overlap'
      lines[#lines + 1] = '{"event":"skipped",' .. fields .. ',"reason":"' .. reason .. '","count":1}'
      skipped[reason] = skipped[reason] + 1
    else
      lines[#lines + 1] = '{"event":"emitted",' .. fields .. '}'
      emitted = emitted + 1
    end
  end
  answers[#answers + 1] = answer
end
if emitted > 0 then
  redis.call('HINCRBY', stats, 'inserted', emitted)
  redis.call('ZADD', bell, 0, '*')
end
for reason, count in pairs(skipped) do
  if count > 0 then
    redis.call('HINCRBY', stats, 'skipped', count); redis.call('HINCRBY', stats, 'skipped.' .. reason, count)
  end
end
if #lines > 0 then redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', table.concat(lines, '\n')) end
return answers
