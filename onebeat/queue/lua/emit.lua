-- emit: queue the fires whose cursor is still the one that the beat read, as far as their policies let them.
-- KEYS gen HASH configuration → generation, `top`, the newest, and `made`, the revision of what programs made
-- KEYS sched HASH schedule id → cursor
-- KEYS next ZSET schedule id → next nominal ms
-- KEYS live HASH schedule id → messages not over
-- KEYS ready[4] LIST records by priority
-- KEYS due ZSET id → due ms
-- KEYS duerec HASH id → delayed record
-- KEYS waiting ZSET ids that wait until the run before them is over
-- KEYS waitrec HASH id → waiting record
-- KEYS cutoff ZSET schedule id → nominal ms: older messages of it are cancelled
-- KEYS paused HASH schedule id → until when, ms (0: for good), and why
-- KEYS fails HASH schedule id → its runs that failed in a row
-- KEYS runs HASH schedule id → its fires so far, where a limit counts them
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- KEYS log STREAM events
-- KEYS unique HASH `=` and the hash of a singleton → id of the message that is queued for it, and back
-- KEYS parked ZSET lock or key, place and id of what waits for a lock, a slot or a token, in the order of its turn
-- KEYS parkedof HASH id → its member of parked
-- ARGV config text hash of the configuration that this beat runs
-- ARGV revision text of the schedules that programs made, '' when these are of a file
-- ARGV log_max int entries that the log keeps
-- ARGV wait_max int messages of one schedule that wait at the most
-- ARGV ...fires[id, step, record] step: `cursor to next overlap limit pause_after skips name task` and JSON lines of what is skipped, the same text for all that stand alike: each without spaces, nothing for none, skips `reason=count,…`, name its field in unique, task JSON; record '' = only skip
-- MOVES ENQUEUE DELAY WITHDRAW
-- RETURNS now ms, then one text per fire: emitted | skipped | moved <cursor> | early | stale
local gen, sched, next, live = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ready = {KEYS[5], KEYS[6], KEYS[7], KEYS[8]}
local due, duerec, waiting, waitrec, cutoff = KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local paused, fails, runs, bell, stats, log = KEYS[14], KEYS[15], KEYS[16], KEYS[17], KEYS[18], KEYS[19]
local unique, parked, parkedof = KEYS[20], KEYS[21], KEYS[22]
local config, revision, log_max, wait_max = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local fires, width = 5, 3

-- Everything that can fail does so before the first write: Redis does not roll back.
for p = 1, 4 do redis.call('LLEN', ready[p]) end
for _, hash in ipairs({sched, live, duerec, waitrec, runs, stats}) do redis.call('HLEN', hash) end
for _, zset in ipairs({next, due, waiting, cutoff, bell}) do redis.call('ZCARD', zset) end
redis.call('XLEN', log)
local pauses, failing = redis.call('HLEN', paused) > 0, redis.call('HLEN', fails) > 0
local uniques = redis.call('HLEN', unique) > 0
local parks = redis.call('HLEN', parkedof) + redis.call('ZCARD', parked) > 0
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local answers = {string.format('%.0f', now)}
local current = redis.call('HGET', gen, 'top') == config
  and (revision == '' or redis.call('HGET', gen, 'made') == revision)

-- To call a command costs more than what it does: one read and one write for all fires. In between these
-- tables show a fire what the one before it did.
local ids, cursors, lives = {}, {}, {}
local steps = {} -- many fires have the same, which is read once; with what the event of each says behind its id
for i = fires, #ARGV, width do
  local text = ARGV[i + 1]
  ids[#ids + 1] = ARGV[i]
  if not steps[text] then
    local step = {string.match(text, '^(%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*) (%S*) ([^\n]*)\n(.*)$')}
    step[9], step[11] = '","task":' .. step[9] .. ',"nominal_ms":' .. step[2], tonumber(step[2])
    steps[text] = step
  end
end
if current and #ids > 0 then
  local read, counted = redis.call('HMGET', sched, unpack(ids)), redis.call('HMGET', live, unpack(ids))
  for n, id in ipairs(ids) do cursors[id], lives[id] = read[n] or nil, counted[n] and tonumber(counted[n]) or 0 end
end
local pushed, moved, grown, coming, gone, decided, living = {{}, {}, {}, {}}, {}, {}, {}, {}, {}, {}

local lines, counts, emitted = {}, {}, 0
local function tally(name, more) counts[name] = (counts[name] or 0) + more end

-- Is a fire of this time held back by a person, or by too many failures in a row?
local function is_paused(id, at, pause_after)
  local entry = redis.call('HGET', paused, id)
  if entry then
    local until_ms = tonumber(string.match(entry, '^%d+') or '0')
    if until_ms == 0 or tonumber(at) < until_ms then return true end
    redis.call('HDEL', paused, id)
    lines[#lines + 1] = '{"event":"resumed","id":"' .. id .. '","schedule":"' .. id .. '"}'
  end
  local failed = failing and pause_after ~= '' and tonumber(redis.call('HGET', fails, id) or '0') or 0
  if failed == 0 or failed < tonumber(pause_after) then return false end
  local why = failed .. ' runs in a row failed'
  redis.call('HSET', paused, id, '0 ' .. why)
  redis.call('HDEL', fails, id)
  pauses = true
  lines[#lines + 1] = '{"event":"paused","id":"' .. id .. '","schedule":"' .. id .. '","reason":"' .. why .. '"}'
  return true
end

-- include freed
-- include line

-- The run before is to end: what waits for another try ends here, the rest when whoever has it learns of it.
local function cut_off(id, cursor, to)
  redis.call('ZADD', cutoff, to, id)
  local before = id .. '@' .. cursor
  local record = redis.call('HGET', duerec, before)
  if not record then return end
  redis.call('ZREM', due, before); redis.call('HDEL', duerec, before)
  freed(before); unparked(before)
  if (string.byte(record, 2) or 0) % 4 >= 2 then lives[id] = lives[id] - 1 end
  lines[#lines + 1] = '{"event":"ended","id":"' .. before .. '","state":"cancelled","reason":"overlap"}'
  tally('cancel', 1)
end

-- Put the record where its policy wants it; false when the run before it forbids that.
local function placed(id, cursor, to, overlap, record)
  if lives[id] > 0 and overlap == 'cancel-running' then cut_off(id, cursor, to) end
  local count = lives[id]
  if count <= 0 or overlap == 'allow' then
    local list = pushed[string.byte(record, 5) + 1]
    list[#list + 1] = record
  elseif overlap == 'cancel-running' or (overlap == 'queue-one' and count == 1)
    or (overlap == 'queue-all' and count <= wait_max) then
    redis.call('ZADD', waiting, 0, id .. '@' .. to)
    redis.call('HSET', waitrec, id .. '@' .. to, record)
  else
    return false
  end
  lives[id], grown[id] = count + 1, true
  return true
end

-- Why a fire did not get into the queue; nil when it did.
local function barred(id, cursor, to, overlap, limit, record, name)
  if limit ~= '' and tonumber(redis.call('HGET', runs, id) or '0') >= tonumber(limit) then return 'limit' end
  if name ~= '' and uniques and redis.call('HEXISTS', unique, name) == 1 then return 'queued' end
  if not placed(id, cursor, to, overlap, record) then return 'overlap' end
  if name ~= '' then
    redis.call('HSET', unique, name, id .. '@' .. to, id .. '@' .. to, name)
    uniques = true
  end
  if limit ~= '' then redis.call('HINCRBY', runs, id, 1) end
end

for n, id in ipairs(ids) do
  local text, record = ARGV[fires + n * width - 2], ARGV[fires + n * width - 1]
  local cursor, to, next_ms, overlap, limit, pause_after, skips, name, about, skipped, to_ms = unpack(steps[text])
  local stored = cursors[id]
  local answer = 'skipped'
  if not current then
    answer = 'stale'
  elseif stored ~= cursor then
    -- Compare-and-set from the value that was read: a high-water mark would lose fires after a rollback.
    answer = 'moved ' .. (stored or '')
  elseif to_ms > now then
    answer = 'early'
  else
    local held = (pauses or failing) and is_paused(id, to, pause_after)
    if skipped ~= '' then
      for reason, count in string.gmatch(skips, '(%l+)=(%d+)') do
        if held and reason == 'window' then reason = 'paused' end
        tally('skipped', count); tally('skipped.' .. reason, count)
      end
      -- inside a JSON text the quotes would be escaped: only the member itself can match
      if held then skipped = string.gsub(skipped, '"reason":"window"', '"reason":"paused"') end
      lines[#lines + 1] = skipped
    end
    if record ~= '' then
      local why = held and 'paused' or barred(id, cursor, to, overlap, limit, record, name)
      if why then
        lines[#lines + 1] = '{"event":"skipped","id":"' .. id .. '@' .. to .. '","schedule":"' .. id .. about .. ',"reason":"' .. why .. '","count":1}'
        tally('skipped', 1); tally('skipped.' .. why, 1)
      else
        lines[#lines + 1] = '{"event":"emitted","id":"' .. id .. '@' .. to .. '","schedule":"' .. id .. about .. '}'
        emitted = emitted + 1
        answer = 'emitted'
      end
    end
    cursors[id], moved[id] = to, next_ms
  end
  answers[n + 1] = answer
end
for id, next_ms in pairs(moved) do
  decided[#decided + 1] = id; decided[#decided + 1] = cursors[id]
  if grown[id] then living[#living + 1] = id; living[#living + 1] = lives[id] == 1 and '1' or lives[id] end -- a number is formatted
  if next_ms == '' then gone[#gone + 1] = id else coming[#coming + 1] = next_ms; coming[#coming + 1] = id end
end
for p = 1, 4 do if #pushed[p] > 0 then redis.call('RPUSH', ready[p], unpack(pushed[p])) end end
if #decided > 0 then redis.call('HSET', sched, unpack(decided)) end
if #coming > 0 then redis.call('ZADD', next, unpack(coming)) end
if #gone > 0 then redis.call('ZREM', next, unpack(gone)) end
if #living > 0 then redis.call('HSET', live, unpack(living)) end
if emitted > 0 then tally('emitted', emitted) end
for name, count in pairs(counts) do redis.call('HINCRBY', stats, name, count) end
if counts.emitted then redis.call('ZADD', bell, 0, '*') end
if #lines > 0 then redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', table.concat(lines, '\n')) end
return answers
