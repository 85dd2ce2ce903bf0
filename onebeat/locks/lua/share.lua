-- share: ask for a share, or give it up, and name those who wait and now fit beside who is in.
-- KEYS permits ZSET token of who is in → end of its lease, ms
-- KEYS holders HASH token of who is in → its fence and JSON about it, for people
-- KEYS state HASH fence, tickets, who is in alone; outlives the permits
-- KEYS queue ZSET token of a waiter → its ticket
-- KEYS waiters HASH token → until when it surely asks again, ms, and its room
-- KEYS bell LIST the caller's mailbox; `over` in it says that the caller gave this attempt up
-- ARGV token text random, one per attempt
-- ARGV how text `enter`, `leave`, `abandon` (no late request may revive the attempt) or `force`
-- ARGV ttl_ms int the lease; of who leaves: for how long its share stays taken
-- ARGV stay_ms int who enters asks again within this, or loses its place; 0 = it does not queue
-- ARGV room int how many may be in with the caller, itself counted; 0 = it must be alone
-- ARGV who text JSON about the caller, or the note of a forced release
-- MOVES none
-- RETURNS held, fence | queued, ms to the next look or -1 | busy | over | done | already | not-yours; then whom to wake
local permits, holders, state, queue, waiters, bell = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local token, how, ttl_ms, stay_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local room, who = tonumber(ARGV[5]), ARGV[6]
local LOOK, WAKE, RECENT, TOMB_MS, QUEUE_MS, STATE_MS = 64, 16, 32, 60000, 120000, 2592000000
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local now_text = string.format('%.0f', now)
local function lives(each) return tonumber(redis.call('ZSCORE', permits, each) or '0') > now end
local known = redis.call('HGET', holders, token)
local mine = lives(token)
local seen = redis.call('HMGET', state, 'fence', 'over', 'alone')
local fence, over, alone = seen[1], seen[2] or '', seen[3] or ''
local ahead, stays = redis.call('ZRANGE', queue, 0, LOOK - 1), {}
redis.call('HLEN', waiters)
local ended, tomb = string.find(',' .. over, ',' .. token .. ',', 1, true), redis.call('LINDEX', bell, 0) == 'over'
local enters = how == 'enter'
-- A request can arrive after its sender gave up: it must not take a share that nobody would release.
if enters and (ended or tomb) then return {'over', '0'} end

local past = redis.call('ZRANGEBYSCORE', permits, '-inf', now_text, 'LIMIT', 0, LOOK)
if #past > 0 then
  redis.call('ZREM', permits, unpack(past))
  redis.call('HDEL', holders, unpack(past))
end
local function let_in(each, for_ms)
  redis.call('ZADD', permits, now + for_ms, each)
  redis.call('PEXPIRE', permits, math.max(redis.call('PTTL', permits), for_ms))
end
local function next_fence()
  fence = string.format('%.0f', math.max(tonumber(fence or '0') + 1, t[1] * 1000000 + t[2]))
  redis.call('HSET', state, 'fence', fence)
  redis.call('PEXPIRE', state, STATE_MS)
end
if enters and mine and known then
  let_in(token, ttl_ms)
  return {'held', string.match(known, '^%d+')}
end

local verdict = mine and 'done' or ended and 'already' or 'not-yours'
if how == 'abandon' then
  redis.call('DEL', bell)
  redis.call('RPUSH', bell, 'over')
  redis.call('PEXPIRE', bell, TOMB_MS)
  redis.call('ZREM', queue, token)
  redis.call('HDEL', waiters, token)
end
if mine then
  redis.call('ZREM', permits, token)
  redis.call('HDEL', holders, token)
  if how == 'force' then
    redis.call('HSET', state, 'forced', who)
    next_fence()
  else
    redis.call('HSET', state, 'over', token .. ',' .. string.sub(over, 1, (RECENT - 1) * (#token + 1)))
  end
  if ttl_ms > 0 then  -- no token, so that a renewal that arrives late does not keep it taken for longer
    let_in(token .. ':over', ttl_ms)
    alone = alone == token and token .. ':over' or alone
    redis.call('HSET', state, 'alone', alone)
  end
end

-- Whose turn is it? From the front of the queue, for as long as each fits beside all before it.
local count, shut = redis.call('ZCOUNT', permits, '(' .. now_text, '+inf'), alone ~= '' and lives(alone)
local front, queued, in_turn, wake, dead, stuck = '', false, false, {}, {}, false
local function turn(each, its_room)
  front = front == '' and each or front
  stuck = stuck or shut or (its_room == 0 and count > 0) or (its_room > 0 and count >= its_room)
  if stuck then return end
  count, shut = count + 1, its_room == 0
  if each == token then in_turn = true elseif #wake < WAKE then wake[#wake + 1] = each end
end
if #ahead > 0 then stays = redis.call('HMGET', waiters, unpack(ahead)) end
for i, each in ipairs(ahead) do
  local until_ms, its_room = string.match(stays[i] or '', '^(%d+):(%d+)$')
  queued = queued or each == token
  if enters and each == token then turn(each, room)
  elseif tonumber(until_ms or '0') > now then turn(each, tonumber(its_room))
  else dead[#dead + 1] = each end
end
if #dead > 0 then
  redis.call('ZREM', queue, unpack(dead))
  redis.call('HDEL', waiters, unpack(dead))
end
if not enters then return {verdict, unpack(wake)} end
if not queued and #ahead < LOOK then turn(token, room) end

if in_turn then
  redis.call('ZREM', queue, token)
  redis.call('HDEL', waiters, token)
  next_fence()
  redis.call('HSET', holders, token, fence .. ' ' .. who)
  redis.call('PEXPIRE', holders, STATE_MS)
  if room == 0 then redis.call('HSET', state, 'alone', token) end
  let_in(token, ttl_ms)
  return {'held', fence, unpack(wake)}
end
if stay_ms == 0 then return {'busy', '0'} end
if not queued then redis.call('ZADD', queue, 'NX', redis.call('HINCRBY', state, 'tickets', 1), token) end
redis.call('HSET', waiters, token, string.format('%.0f:%.0f', now + stay_ms, room))
redis.call('PEXPIRE', state, STATE_MS)
for _, key in ipairs({queue, waiters}) do redis.call('PEXPIRE', key, math.max(QUEUE_MS, stay_ms)) end
-- Only the front watches the leases: the others sleep until their bell rings.
local first = front == token and redis.call('ZRANGE', permits, 0, 0, 'WITHSCORES') or {}
return {'queued', first[2] and string.format('%.0f', math.max(0, first[2] - now)) or '-1'}
