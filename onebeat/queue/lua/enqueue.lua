-- enqueue: store messages, each call once per sender and sequence number.
-- KEYS ready[4] LIST records by priority
-- KEYS due ZSET id → due ms
-- KEYS duerec HASH id → delayed record
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- KEYS lane STRING the sender's last sequence number and answers
-- KEYS unique HASH `=` and the hash of a singleton → id of the message that is queued for it, and back
-- KEYS awaited HASH id → for how long its result will be kept, ms, and `w` while somebody waits for it
-- KEYS ...uniq STRING the marker of each message that has a key
-- ARGV seq int grows by one with every call of this sender
-- ARGV lane_ttl_ms int how long a repeated call is still recognised
-- ARGV rules bytes '' or msgpack, place of a record → [delay ms, its place in the uniq keys or 0, fingerprint, uniq ttl ms, its field in unique or '', for how long its result is kept, ms, or 0]
-- ARGV ...records bytes the messages, in order
-- MOVES ENQUEUE DELAY
-- RETURNS one text per message: '' stored | '=' and the id stored before under its key | '!' and that id: other arguments | '~' and the id that is queued for its singleton
local ready = {KEYS[1], KEYS[2], KEYS[3], KEYS[4]}
local due, duerec, bell, stats, lane, unique = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local awaited, uniq = KEYS[11], 11
local seq, lane_ttl_ms = tonumber(ARGV[1]), ARGV[2]
local rules, records = ARGV[3], 4

-- Everything that can fail does so before the first write: Redis does not roll back. What is not there is of no
-- wrong type: of several, one question tells.
redis.call('LLEN', ready[1]); redis.call('ZCARD', bell); redis.call('HLEN', stats)
if redis.call('EXISTS', ready[2], ready[3], ready[4], due, duerec, unique, awaited) > 0 then
  for p = 2, 4 do redis.call('LLEN', ready[p]) end
  redis.call('ZCARD', due); redis.call('HLEN', duerec); redis.call('HLEN', unique); redis.call('HLEN', awaited)
end
local last = redis.call('GET', lane)
if last then
  local last_seq, answers = string.match(last, '^(%d+)\n(.*)$')
  if tonumber(last_seq) == seq then return cmsgpack.unpack(answers) end
  if tonumber(last_seq) > seq then return redis.error_reply('STALE a later call of this sender came first') end
end
rules = rules ~= '' and cmsgpack.unpack(rules) or {}
-- By the key's name, not its place: one call may carry the same key twice.
local seen = {}
for k = uniq + 1, #KEYS do
  local old_id, old_print = string.match(redis.call('GET', KEYS[k]) or '', '^(%S+) (%S+)$')
  if old_id then seen[KEYS[k]] = {id = old_id, print = old_print} end
end

local answers, stored, pushed, now = {}, 0, {{}, {}, {}, {}}, nil
for i = records, #ARGV do
  local record, answer = ARGV[i], ''
  local id = string.sub(record, 15, 14 + string.byte(record, 12))
  local rule = rules[i - records + 1] or {0, 0, '', 0, '', 0}
  local key, name = rule[2] > 0 and KEYS[uniq + rule[2]], rule[5] or ''
  local queued = name ~= '' and redis.call('HGET', unique, name)
  if key and seen[key] then
    answer = (seen[key].print == rule[3] and '=' or '!') .. seen[key].id
  elseif queued then
    answer = '~' .. queued
  end
  if answer == '' then
    stored = stored + 1
    if key then
      redis.call('SET', key, id .. ' ' .. rule[3], 'PX', rule[4])
      seen[key] = {id = id, print = rule[3]}
    end
    if name ~= '' then redis.call('HSET', unique, name, id, id, name) end
    if (rule[6] or 0) > 0 then redis.call('HSET', awaited, id, string.format('%.0f', rule[6])) end
    if rule[1] > 0 then
      if not now then
        local t = redis.call('TIME')
        now = t[1] * 1000 + math.floor(t[2] / 1000)
      end
      redis.call('HSET', duerec, id, record)
      redis.call('ZADD', due, now + rule[1], id)
    else
      local list = pushed[string.byte(record, 5) + 1]
      list[#list + 1] = record
    end
  end
  answers[#answers + 1] = answer
end
for p = 1, 4 do
  if #pushed[p] > 0 then redis.call('RPUSH', ready[p], unpack(pushed[p])) end
end
if stored > 0 then
  redis.call('HINCRBY', stats, 'enqueued', stored)
  redis.call('ZADD', bell, 0, '*')
end
redis.call('SET', lane, string.format('%.0f', seq) .. '\n' .. cmsgpack.pack(answers), 'PX', lane_ttl_ms)
return answers
