-- acquire: take the lock, or queue for it, or learn that another holds it.
-- KEYS owner STRING token of the holder
-- KEYS state HASH fence, tickets, holder; outlives the owner
-- KEYS queue ZSET token of a waiter → its ticket
-- KEYS waiters HASH token → its place ends, ms : a grant waits for it, ms : since when it is called in vain, ms or 0
-- KEYS bell LIST the caller's mailbox; `over` in it says that the caller gave this attempt up
-- ARGV token text random, one per attempt
-- ARGV ttl_ms int the lease
-- ARGV stay_ms int the caller asks again within this, or loses its place; 0 = it does not queue
-- ARGV who text JSON about the caller, for people
-- MOVES none
-- RETURNS held, fence | queued, ms to the next look or -1 = a beat | busy | over; then whom to wake
local owner, state, queue, waiters, bell = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, ttl_ms, who = ARGV[1], ARGV[2], ARGV[4]
local SHORT, STATE_MS, SPAN = 12, 2592000000, 7
local t = redis.call('TIME')
-- Cut from text: to format a number of this size costs as much as a command.
local micros = #t[2] == 6 and t[1] .. t[2] or t[1] .. string.sub('00000' .. t[2], -6)
local seen = redis.call('HMGET', state, 'fence', 'over', 'tickets')
local fence, over, tickets = seen[1], seen[2] or '', seen[3] or '0'
-- A request can arrive after its sender gave up: it must not take a lock that nobody would release.
local ended = string.find(over, ',' .. string.sub(token, -SHORT) .. ',', 1, true)
-- A slot, and then the fence of the last hold that was given back: of any other, people are told that it lapsed.
local told = fence and string.sub(over, 2, #fence + 1) == fence

-- The short way. Tickets are counted from 0 again when nobody waits and nobody gave up lately. Times of one length
-- compare as text.
if told and tickets == '0' and not ended and #fence == #micros and fence < micros
  and redis.call('SET', owner, token, 'NX', 'PX', ttl_ms) then
  redis.call('HSET', state, 'fence', micros, 'holder', micros .. ',' .. who)
  -- The state's end is put off once in a thousand seconds of use.
  if string.sub(fence, 1, SPAN) ~= string.sub(micros, 1, SPAN) then redis.call('PEXPIRE', state, STATE_MS) end
  return {'held', micros}
end

local LOOK, CLAIM_MS, QUEUE_MS, NEAR, NEAR_MS, STEP_MS, SLOTS = 64, 300, 120000, 8, 500, 10, 12
local stay_ms, now_text, held = tonumber(ARGV[3]), string.sub(micros, 1, -4), redis.call('GET', owner)
local now = tonumber(now_text)
local looks, ahead, lives = held or tickets ~= '0', {}, {}
if looks then
  ahead, ended = redis.call('ZRANGE', queue, 0, LOOK - 1), ended or redis.call('LINDEX', bell, 0) == 'over'
  if #ahead > 0 then lives = redis.call('HMGET', waiters, unpack(ahead)) else redis.call('HLEN', waiters) end
end
if ended then return {'over', '0'} end

-- Who waits before the caller? Not who is silent for long, nor who was called and did not ask within CLAIM_MS:
-- it keeps its place, and gets its turn when it asks. Those whose turn it is while the lock is free are called.
local before, wake, called, dead, queued, look_ms = 0, {}, {}, {}, false, 0
for i, each in ipairs(ahead) do
  queued = each == token
  if queued then break end
  local until_ms, grant_ms, called_ms = string.match(lives[i] or '', '^(%d+):(%d+):?(%d*)$')
  local open_ms = now - (tonumber(called_ms) or 0)
  if tonumber(until_ms or '0') > now then
    if called_ms == '' or called_ms == '0' or open_ms < 0 then
      wake[#wake + 1], open_ms = each, 0
      called[#called + 1] = each
      called[#called + 1] = until_ms .. ':' .. grant_ms .. ':' .. now_text
    end
    if open_ms < CLAIM_MS then
      before = before + 1
      look_ms = math.max(look_ms, CLAIM_MS - open_ms)
    end
  elseif #dead == i - 1 then
    dead[i] = each
  end
end
if #dead > 0 then
  redis.call('ZREM', queue, unpack(dead))
  redis.call('HDEL', waiters, unpack(dead))
end
local knows_all = queued or #ahead < LOOK

if held == token or (not held and knows_all and before == 0) then
  local rest = redis.call('HMGET', state, 'heir', 'tombs', 'holder')
  local holder = rest[3] or ''
  -- A holder that neither released nor was told off: its lease ended under it, which people want to know.
  if not held and not told and holder ~= '' then
    local slot = string.char(((string.byte(over) or 64) - 64) % SLOTS + 65)
    local row = '["lapsed",' .. (fence or '0') .. ',' .. holder .. ',{},' .. micros .. ']'
    over = slot .. (fence or '') .. (string.match(over, ',.*') or ',')
    redis.call('HSET', state, 'over', over, 'past-' .. slot, row)
  end
  local new = held ~= token or not fence
  if new then
    local next = tonumber(fence or '0') + 1
    fence = next > tonumber(micros) and string.format('%.0f', next) or micros
  end
  if new or rest[1] == token then
    if #ahead > 0 then
      redis.call('ZREM', queue, token)
      redis.call('HDEL', waiters, token)
    end
    if #ahead == 0 and now > tonumber(rest[2] or '0') then tickets = '0' end
    redis.call('HSET', state, 'fence', fence, 'holder', micros .. ',' .. who, 'heir', '', 'tickets', tickets)
    if new then redis.call('PEXPIRE', state, STATE_MS) end
  end
  redis.call('SET', owner, token, 'PX', ttl_ms)
  return {'held', fence}
end

if held then wake = {} elseif #wake > 0 then redis.call('HSET', waiters, unpack(called)) end
if stay_ms == 0 then return {'busy', '0', unpack(wake)} end
if not queued and not redis.call('ZSCORE', queue, token) then
  redis.call('ZADD', queue, redis.call('HINCRBY', state, 'tickets', 1), token)
end
local life = string.format('%.0f:%.0f:0', now + stay_ms, math.min(ttl_ms, CLAIM_MS))
redis.call('HSET', waiters, token, life)
redis.call('PEXPIRE', state, STATE_MS)
redis.call('PEXPIRE', queue, math.max(QUEUE_MS, stay_ms))
redis.call('PEXPIRE', waiters, math.max(QUEUE_MS, stay_ms))
-- All look when the lease or the call ends, one after the other, and before that on their beat; who is near the
-- front looks more often. A lock that somebody else made has no end.
local watch_ms, later_ms = held and redis.call('PTTL', owner) or 0, math.min(before, 2 * NEAR) * STEP_MS
if watch_ms >= 0 then watch_ms = watch_ms + later_ms end
if not held then watch_ms = (look_ms > 0 and look_ms or NEAR_MS) + later_ms
elseif knows_all and before < NEAR then watch_ms = math.min(NEAR_MS, watch_ms) end
return {'queued', string.format('%.0f', watch_ms), unpack(wake)}
