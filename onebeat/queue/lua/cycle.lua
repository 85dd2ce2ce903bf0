-- cycle: a worker settles what it finished and claims what it can start, in one round trip.
-- KEYS ready[4] LIST records by priority
-- KEYS own HASH what this worker holds: id → record, and `#`, its last sequence number
-- KEYS lease ZSET worker → end of its lease, ms
-- KEYS due ZSET id → due ms
-- KEYS duerec HASH id → delayed record
-- KEYS dead ZSET id → died ms
-- KEYS deadrec HASH id → dead record
-- KEYS deadwhy HASH id → why
-- KEYS bell ZSET wakes one idle worker
-- KEYS live HASH schedule id → messages not over
-- KEYS waiting ZSET ids that wait until the run before them is over
-- KEYS waitrec HASH id → waiting record
-- KEYS cancel ZSET id → until when the wish to cancel it stands, ms
-- KEYS cutoff ZSET schedule id → nominal ms: older messages of it are cancelled
-- KEYS fails HASH schedule id → its runs that failed in a row
-- KEYS stats HASH counters
-- KEYS log STREAM events
-- KEYS fence STRING last fence
-- KEYS unique HASH `=` and the hash of a singleton → id of the message that is queued for it, and back
-- KEYS parked ZSET lock or key, place and id of what waits for a lock, a slot or a token, in the order of its turn
-- KEYS parkedof HASH id → its member of parked
-- KEYS halt STRING until when nothing is claimed, ms (0: until it is resumed), and why
-- KEYS awaited HASH id → for how long its result will be kept, ms, and `w` while somebody waits for it
-- KEYS results HASH id → how it ended, and its value
-- KEYS kept ZSET id → until when its result is kept, ms
-- KEYS progress HASH id → when, ms, and how far its run is: JSON
-- KEYS slots HASH `/` and the hash of a key → how many of its messages may run, and id of each → that
-- KEYS rates ZSET `~` and the hash of a rate's key → when it has all its tokens again, µs
-- KEYS outbox HASH id that is done → what follows it in another queue
-- KEYS groups ZSET group → when it was made, ms
-- KEYS ...members HASH of a group: `#`, how many there are; `>`, what follows; the ids of those that are done
-- ARGV wid text this worker incarnation
-- ARGV seq int grows by one with every call; the same one again answers again
-- ARGV lease_ms int renews the lease for so long
-- ARGV want int how many records to claim at the most
-- ARGV log_max int entries that the log keeps
-- ARGV finished text ids of what was finished and is neither counted nor logged, a space between two
-- ARGV notes bytes how far runs are, a line each: id, JSON
-- ARGV begin int how many can begin at once: one that takes a token is among the first so many, or is not claimed
-- ARGV ...settled[id, move, delay_ms, record, why, counted, event, more, after] counted: schedule id in live or ''; to park: why: the lock's field, `all` or `last`; to release: record: the one that goes back; more: '' or for how long the result is kept, ms, a line feed, and the value, if there is one; after: '' or three numbers, the length of the record that follows, for how long its result is kept, the place of the group among the members or 0, a line feed, that record, and what the outbox shall have
-- MOVES ENQUEUE CLAIM HOLD PROMOTE FINISH RETRY BURY SKIP EXPIRE CANCEL PARK SUPERSEDE RELEASE
-- RETURNS fenced | stale | ok or again, now ms, late, next due ms or '', first fence, records, 1 while nothing is claimed, ids that ended and that somebody waits for, 1 while the outbox has something
local ready = {KEYS[1], KEYS[2], KEYS[3], KEYS[4]}
local own, lease, due, duerec = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local dead, deadrec, deadwhy, bell = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local live, waiting, waitrec, cancel, cutoff = KEYS[13], KEYS[14], KEYS[15], KEYS[16], KEYS[17]
local fails, stats, log, fence, unique = KEYS[18], KEYS[19], KEYS[20], KEYS[21], KEYS[22]
local parked, parkedof = KEYS[23], KEYS[24]
local halt, awaited, results, kept = KEYS[25], KEYS[26], KEYS[27], KEYS[28]
local progress, slots, rates = KEYS[29], KEYS[30], KEYS[31]
local outbox, groups, members = KEYS[32], KEYS[33], 34
local wid, seq, lease_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local want, log_max = math.min(tonumber(ARGV[4]), 256), ARGV[5]
local finished, notes, begin, settled, width = ARGV[6], ARGV[7], tonumber(ARGV[8]), 9, 9

-- Foreign bytes must not stop a claim half-way: no usable id → SHA-1 (as in record.py), no priority → last.
local function id_of(record)
  local id = string.sub(record, 15, 14 + (string.byte(record, 12) or 0))
  return string.find(id, '^[%w_.:@+~-]+$') and id or redis.sha1hex(record)
end
local function list_of(record) return ready[(string.byte(record, 5) or 3) + 1] or ready[4] end

-- Everything that can fail does so before the first write: Redis does not roll back. Most keys are not there most
-- of the time, and what is not there is of no wrong type: of several, one question tells.
local function any(...) return redis.call('EXISTS', ...) > 0 end
local backlog, lengths, halted_until = 0, {}, -1
for p = 1, 4 do lengths[p] = redis.call('LLEN', ready[p]); backlog = backlog + lengths[p] end
local arrived = backlog
redis.call('HLEN', stats); redis.call('ZCARD', bell); redis.call('XLEN', log)
local failing, waits, cancels, uniques, awaits, noted, seats, relays, parks
if any(due, duerec, parked, parkedof, rates) then
  redis.call('ZCARD', due); redis.call('HLEN', duerec); redis.call('ZCARD', rates)
  parks = redis.call('HLEN', parkedof) + redis.call('ZCARD', parked) > 0
end
if any(live, waiting, waitrec, fails, cancel, cutoff) then
  redis.call('HLEN', live); redis.call('HLEN', waitrec)
  failing, waits = redis.call('HLEN', fails) > 0, redis.call('ZCARD', waiting) > 0
  cancels = redis.call('ZCARD', cancel) + redis.call('ZCARD', cutoff) > 0
end
if any(dead, deadrec, deadwhy, unique, awaited, results, kept, progress, slots, outbox, halt) then
  for _, hash in ipairs({deadrec, deadwhy, results}) do redis.call('HLEN', hash) end
  redis.call('ZCARD', dead); redis.call('ZCARD', kept)
  uniques, awaits = redis.call('HLEN', unique) > 0, redis.call('HLEN', awaited) > 0
  noted, seats = redis.call('HLEN', progress) > 0, redis.call('HLEN', slots) > 0
  relays = redis.call('HLEN', outbox) > 0
  halted_until = tonumber(string.match(redis.call('GET', halt) or '', '^%d+') or '-1')
end
if #KEYS >= members then redis.call('ZCARD', groups) end
for k = members, #KEYS do redis.call('HLEN', KEYS[k]) end
local endings = {finish = 'done', skip = 'skipped', expire = 'expired', cancel = 'cancelled'}
local last = tonumber(redis.call('HGET', own, '#') or '0')
if not redis.call('ZSCORE', lease, wid) then return {'fenced'} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local now_text = string.format('%.0f', now)
-- From the clock, so that fences go on growing after the store lost its data.
local first_fence = math.max(tonumber(redis.call('GET', fence) or '0') + 1, t[1] * 1000000 + t[2])
local fence_text = string.format('%.0f', first_fence)
if seq < last then return {'stale'} end
-- The same number: this call has run and its reply was lost. A gap: the store went back to an earlier moment
-- and lost calls. Both claim nothing and answer all that is held, of which the worker knows what it runs.
local gap = last > 0 and seq > last + 1
local again = gap or seq == last
local halted = halted_until == 0 or halted_until > now
if again or halted then want = 0 end
begin = math.min(begin, want)
redis.call('ZADD', lease, now + lease_ms, wid)
-- A long text: short records alone would make a list, which the server searches from its beginning for each.
redis.call('HSET', own, '#', string.format('%070.0f', seq))
if halted_until > 0 and not halted then redis.call('DEL', halt) end

-- include over
-- include freed
-- include line
-- include result
-- include slot
-- include group
-- It is done: what follows here is queued, and what follows in another queue is noted.
local function follow(id, after)
  local length, keep_ms, place, at = string.match(after, '^(%d+) (%d+) (%d+)\n()')
  if not at then return end
  queued(string.sub(after, at, at + length - 1), tonumber(keep_ms))
  if place ~= '0' then joined(KEYS[members + place - 1], id) end
  local note = string.sub(after, at + length)
  if note ~= '' then redis.call('HSET', outbox, id, note); relays = true end
end
-- Asked for by its id, or, as one that counts for its schedule, cut off by a younger fire.
local function cancelled(id, counts_for)
  if tonumber(redis.call('ZSCORE', cancel, id) or '0') > now then return true end
  local nominal = counts_for and tonumber(string.match(id, '@(%d+)') or '')
  return nominal and nominal < tonumber(redis.call('ZSCORE', cutoff, counts_for) or '0')
end

local lines, late, counts, told, returned = {}, 0, {}, {}, {}
-- include parking
local function settle(id, move, delay_ms, record, why, counted, event, more, after)
  if redis.call('HDEL', own, id) == 0 then
    late = late + 1
    lines[#lines + 1] = '{"event":"late_ack","id":"' .. id .. '","worker":"' .. wid .. '"}'
    return
  end
  if move ~= 'release' then vacated(id) end
  if noted then redis.call('HDEL', progress, id) end
  if move == 'retry' then
    redis.call('HSET', duerec, id, record)
    redis.call('ZADD', due, now + tonumber(delay_ms), id)
  elseif move == 'park' then
    if not park(id, delay_ms, record, why) then return end
  elseif move == 'release' then
    table.insert(returned, 1, record)
  elseif move == 'bury' then
    redis.call('HSET', deadrec, id, record); redis.call('HSET', deadwhy, id, why)
    redis.call('ZADD', dead, now, id)
    if awaits and string.sub(redis.call('HGET', awaited, id) or '', -1) == 'w' then told[#told + 1] = id end
  end
  local lives = move == 'retry' or move == 'park' or move == 'release'
  if not lives then freed(id) end
  if (awaits or more ~= '') and endings[move] then
    local ttl_ms, value = string.match(more, '^(%d+)(.*)$')
    if concluded(id, endings[move] .. (value or ''), tonumber(ttl_ms or '0')) then told[#told + 1] = id end
  end
  if cancels and not lives then redis.call('ZREM', cancel, id) end
  if counted ~= '' and not lives then
    if move == 'bury' then
      redis.call('HINCRBY', fails, counted, 1)
      failing = true
    elseif move == 'finish' and failing then
      redis.call('HDEL', fails, counted)
    end
    over(counted)
  end
  if after ~= '' and move == 'finish' then follow(id, after) end
  if event ~= '' then lines[#lines + 1] = event end
  counts[move] = (counts[move] or 0) + 1
end
if seq > last then
  -- Where nothing else is kept about any message all go in one step; `settle` tells of those not held.
  local ids, gone, bare = {}, {}, not (noted or seats or uniques or awaits or cancels)
  for id in string.gmatch(finished, '%S+') do ids[#ids + 1] = id end
  local held = bare and #ids > 0 and redis.call('HMGET', own, unpack(ids)) or {}
  for i, id in ipairs(ids) do
    if held[i] then gone[#gone + 1] = id else settle(id, 'finish', 0, '', '', '', '', '', '') end
  end
  if #gone > 0 then counts.finish = redis.call('HDEL', own, unpack(gone)) end
  for i = settled, #ARGV, width do settle(unpack(ARGV, i, i + width - 1)) end
end
for _, record in ipairs(returned) do redis.call('LPUSH', list_of(record), record) end
backlog = backlog + #returned
if late > 0 then counts.late = late end
for id, note in string.gmatch(notes, '(%S+) ([^\n]+)') do
  if redis.call('HEXISTS', own, id) == 1 then redis.call('HSET', progress, id, now_text .. ' ' .. note) end
end
-- Where results come old ones go, twice as fast.
local old = #ARGV >= settled and redis.call('ZRANGEBYSCORE', kept, '-inf', now, 'LIMIT', 0, 256) or {}
for _, id in ipairs(old) do redis.call('ZREM', kept, id); redis.call('HDEL', results, id) end

local records, held, looks = {}, {}, 256
-- Somebody cancelled it: it ends here instead of beginning.
local function dropped(id, flags)
  local counts_for = flags % 4 >= 2 and string.match(id, '^(.+)@')
  if not cancelled(id, counts_for) then return false end
  lines[#lines + 1] = '{"event":"ended","id":"' .. id .. '","state":"cancelled","reason":"cancelled"}'
  counts.cancel = (counts.cancel or 0) + 1
  redis.call('ZREM', cancel, id)
  freed(id); vacated(id)
  if concluded(id, 'cancelled', 0) then told[#told + 1] = id end
  if counts_for then over(counts_for) end
  return true
end
local function claim(id, record, flags)
  records[#records + 1] = record
  held[#held + 1] = id; held[#held + 1] = record
  if flags % 2 == 1 then
    lines[#lines + 1] = string.format('{"event":"claimed","id":"%s","worker":"%s","deliveries":%d}',
      id, wid, string.byte(record, 3) or 0)
  end
end
-- include bounds
-- include turns

for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, again and 0 or 64)) do
  local line = parks and string.match(redis.call('HGET', parkedof, id) or '', '^([/~]%x+) ')
  if line then
    looked_at(id, line)
  else
    local record = redis.call('HGET', duerec, id)
    redis.call('ZREM', due, id); redis.call('HDEL', duerec, id)
    unparked(id)
    if record then
      redis.call('RPUSH', list_of(record), record)
      backlog = backlog + 1
    end
  end
end

local moved_in = backlog ~= arrived
for p = 1, 4 do
  local left = want
  for _, rate in ipairs(paced) do left = served(rate, p) and 0 or left end  -- past it nobody is claimed ahead
  left = left - #records
  while left > 0 and (moved_in or lengths[p] > 0) do
    local popped, back = redis.call('LPOP', ready[p], left) or {}, 0
    for _, record in ipairs(popped) do
      local id, flags = id_of(record), string.byte(record, 2) or 0
      if not (cancels and dropped(id, flags)) then
        if flags % 16 >= 8 and not seated(id, record) then back = back + 1 else claim(id, record, flags) end
      end
    end
    looks = looks - #popped
    left = math.min(back, looks)  -- the places of those that wait are for the next
  end
end
local unserved = false
for _, rate in ipairs(paced) do unserved = wound_up(rate) or unserved end
if unserved then backlog = backlog + 1 end
for name, count in pairs(counts) do redis.call('HINCRBY', stats, name, count) end
if backlog > #records and not again and not halted then redis.call('ZADD', bell, 0, '*') end
if #held > 0 then redis.call('HSET', own, unpack(held)) end
if again then
  local all = redis.call('HGETALL', own)  -- bounded: a worker holds ≤ 256
  for i = 1, #all, 2 do if all[i] ~= '#' then records[#records + 1] = all[i + 1] end end
end
if #records > 0 then redis.call('SET', fence, string.format('%.0f', first_fence + #records - 1)) end
if #lines > 0 then redis.call('XADD', log, 'MAXLEN', '~', log_max, '*', 'e', table.concat(lines, '\n')) end
local next_due = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
-- Who has no room for what has its token now is not told to look at once: the bell asks those who have.
if unserved then next_due = redis.call('ZRANGEBYSCORE', due, '(' .. now_text, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] end
if halted_until > now and tonumber(next_due or halted_until) >= halted_until then
  next_due = string.format('%.0f', halted_until)
end
return {again and 'again' or 'ok', now_text, late, next_due or '', fence_text, records, halted and 1 or 0, told, relays and 1 or 0}
