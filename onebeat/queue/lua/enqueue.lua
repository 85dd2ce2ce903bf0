-- enqueue: store messages, each call once per sender and sequence number.
-- KEYS ready[4] LIST records by priority
-- KEYS due ZSET id → due ms
-- KEYS duerec HASH id → delayed record
-- KEYS bell ZSET wakes one idle worker
-- KEYS stats HASH counters
-- KEYS lane STRING the sender's last sequence number and answers
-- KEYS ...uniq STRING the marker of each message that has a key
-- ARGV seq int grows by one with every call of this sender
-- ARGV lane_ttl_ms int how long a repeated call is still recognised
-- ARGV ...messages[id, record, delay_ms, uniq, fingerprint, uniq_ttl_ms] uniq: its place in the uniq keys, 0 for none
-- MOVES ENQUEUE DELAY
-- RETURNS one text per message: '' stored | '=' and the id stored before under its key | '!' and that id: other arguments
local ready = {KEYS[1], KEYS[2], KEYS[3], KEYS[4]}
local due, duerec, bell, stats, lane = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local uniq = 9
local seq, lane_ttl_ms = tonumber(ARGV[1]), ARGV[2]
local messages, width = 3, 6

-- Everything that can fail does so before the first write: Redis does not roll back.
for p = 1, 4 do redis.call('LLEN', ready[p]) end
redis.call('ZCARD', due); redis.call('HLEN', duerec); redis.call('ZCARD', bell); redis.call('HLEN', stats)
local last = redis.call('GET', lane)
if last then
  local last_seq, answers = string.match(last, '^(%d+)\n(.*)$')
  if tonumber(last_seq) == seq then return cmsgpack.unpack(answers) end
  if tonumber(last_seq) > seq then return redis.error_reply('STALE a later call of this sender came first') end
end
-- By the key's name, not its place: one call may carry the same key twice.
local seen = {}
for k = uniq + 1, #KEYS do
  local old_id, old_print = string.match(redis.call('GET', KEYS[k]) or '', '^(%S+) (%S+)$')
  if old_id then seen[KEYS[k]] = {id = old_id, print = old_print} end
end

local answers, stored, now = {}, 0, nil
for i = messages, #ARGV, width do
  local id, record, delay_ms = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local place, fingerprint = tonumber(ARGV[i + 3]), ARGV[i + 4]
  local answer = ''
  if place > 0 then
    local key = KEYS[uniq + place]
    if seen[key] then
      answer = (seen[key].print == fingerprint and '=' or '!') .. seen[key].id
    else
      redis.call('SET', key, id .. ' ' .. fingerprint, 'PX', ARGV[i + 5])
      seen[key] = {id = id, print = fingerprint}
    end
  end
  if answer == '' then
    stored = stored + 1
    if delay_ms > 0 then
      if not now then
        local t = redis.call('TIME')
        now = t[1] * 1000 + math.floor(t[2] / 1000)
      end
      redis.call('HSET', duerec, id, record)
      redis.call('ZADD', due, now + delay_ms, id)
    else
      redis.call('RPUSH', ready[string.byte(record, 5) + 1], record)
    end
  end
  answers[#answers + 1] = answer
end
if stored > 0 then
  redis.call('HINCRBY', stats, 'enqueued', stored)
  redis.call('ZADD', bell, 0, '*')
end
redis.call('SET', lane, string.format('%.0f', seq) .. '\n' .. cmsgpack.pack(answers), 'PX', lane_ttl_ms)
return answers
