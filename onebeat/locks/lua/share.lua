-- share: ask for a share, or give it up, and name those who wait and now fit beside who is in.
-- KEYS permits ZSET token of who is in → end of its lease, ms
-- KEYS holders HASH token of who is in → its fence and JSON about it, for people
-- KEYS state HASH fence, tickets, who is in alone; outlives the permits
-- KEYS queue ZSET token of a waiter → its ticket
-- KEYS waiters HASH token → its place ends, ms : its room : since when it is called in vain, ms or 0
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
local room, who, enters = tonumber(ARGV[5]), ARGV[6], ARGV[2] == 'enter'
local LOOK, WAKE, RECENT, TOMB_MS, QUEUE_MS, STATE_MS = 64, 16, 32, 60000, 120000, 2592000000
local CLAIM_MS, NEAR, NEAR_MS, STEP_MS = 300, 8, 500, 10
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local now_text = string.format('%.0f', now)
local function lives(each) return tonumber(redis.call('ZSCORE', permits, each) or '0') > now end
local known, mine = redis.call('HGET', holders, token), lives(token)
local seen = redis.call('HMGET', state, 'fence', 'over', 'alone')
local fence, over, alone, stays = seen[1], seen[2] or '', seen[3] or '', {}
local ahead = redis.call('ZRANGE', queue, 0, LOOK - 1)
redis.call('HLEN', waiters)
local ended, tomb = string.find(',' .. over, ',' .. token .. ',', 1, true), redis.call('LINDEX', bell, 0) == 'over'
-- A request can arrive after its sender gave up: it must not take a share that nobody would release.
if enters and (ended or tomb) then return {'over', '0'} end

local function drop(line, about, gone)
  if #gone == 0 then return end
  redis.call('ZREM', line, unpack(gone))
  redis.call('HDEL', about, unpack(gone))
end
drop(permits, holders, redis.call('ZRANGEBYSCORE', permits, '-inf', now_text, 'LIMIT', 0, LOOK))
local function let_in(each, for_ms)
  redis.call('ZADD', permits, now + for_ms, each)
  redis.call('PEXPIRE', permits, math.max(redis.call('PTTL', permits), for_ms))
end
local function next_fence()
  return string.format('%.0f', math.max(tonumber(fence or '0') + 1, t[1] * 1000000 + t[2]))
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
  drop(queue, waiters, {token})
end
if mine then
  drop(permits, holders, {token})
  local recent = token .. ',' .. string.sub(over, 1, (RECENT - 1) * (#token + 1))
  if how ~= 'force' then redis.call('HSET', state, 'over', recent)
  else redis.call('HSET', state, 'forced', who, 'fence', next_fence()) end
  if ttl_ms > 0 then  -- no token, so that a renewal that arrives late does not keep it taken for longer
    let_in(token .. ':over', ttl_ms)
    alone = alone == token and token .. ':over' or alone
    redis.call('HSET', state, 'alone', alone)
  end
end

-- Whose turn is it? From the front of the queue, for as long as each fits beside all before it. Who was called
-- and did not ask within CLAIM_MS keeps its place, and has no turn until it asks.
local count, shut = redis.call('ZCOUNT', permits, '(' .. now_text, '+inf'), alone ~= '' and lives(alone)
local before, call, marks, wake, dead, queued, in_turn, stuck = 0, {}, {}, {}, {}, false, false, false
local function turn(each, its_room)
  stuck = stuck or shut or (its_room == 0 and count > 0) or (its_room > 0 and count >= its_room)
  if stuck then return end
  count, shut = count + 1, its_room == 0
  if each == token then in_turn = true elseif #wake < WAKE then wake[#wake + 1] = each end
end
if #ahead > 0 then stays = redis.call('HMGET', waiters, unpack(ahead)) end
for i, each in ipairs(ahead) do
  local until_ms, its_room, called_ms = string.match(stays[i] or '', '^(%d+):(%d+):?(%d*)$')
  local open_ms = now - (tonumber(called_ms) or 0)
  local new = called_ms == '' or called_ms == '0' or open_ms < 0
  queued = queued or each == token
  if enters and each == token then turn(each, room)
  elseif tonumber(until_ms or '0') <= now then dead[#dead + 1] = each
  elseif new or open_ms < CLAIM_MS then
    turn(each, tonumber(its_room))
    before = before + (queued and 0 or 1)
    if new and not queued then call[#call + 1], marks[#marks + 1] = each, each end
    if new and not queued then marks[#marks + 1] = until_ms .. ':' .. its_room .. ':' .. now_text end
  end
end
drop(queue, waiters, dead)
if not enters then return {verdict, unpack(wake)} end
if not queued and #ahead < LOOK then turn(token, room) end

if in_turn then
  drop(queue, waiters, {token})
  fence = next_fence()
  redis.call('HSET', state, 'fence', fence, 'alone', room == 0 and token or alone)
  redis.call('HSET', holders, token, fence .. ' ' .. who)
  for _, key in ipairs({state, holders}) do redis.call('PEXPIRE', key, STATE_MS) end
  let_in(token, ttl_ms)
  return {'held', fence, unpack(wake)}
end
-- A turn that nobody takes: all who wait before the caller are called at once.
if #wake == 0 then call = {} elseif #call > 0 then redis.call('HSET', waiters, unpack(marks)) end
if stay_ms == 0 then return {'busy', '0', unpack(call)} end
if not queued then redis.call('ZADD', queue, 'NX', redis.call('HINCRBY', state, 'tickets', 1), token) end
redis.call('HSET', waiters, token, string.format('%.0f:%.0f:0', now + stay_ms, room))
redis.call('PEXPIRE', state, STATE_MS)
for _, key in ipairs({queue, waiters}) do redis.call('PEXPIRE', key, math.max(QUEUE_MS, stay_ms)) end
-- All look when a lease or the call ends, one after the other, or on their beat; more often near the front.
local later_ms, first = math.min(before, 2 * NEAR) * STEP_MS, redis.call('ZRANGE', permits, 0, 0, 'WITHSCORES')[2]
local watch_ms = first and math.max(0, first - now) + later_ms or -1
if before < NEAR then watch_ms = math.min(NEAR_MS, watch_ms) end
return {'queued', string.format('%.0f', #wake > 0 and CLAIM_MS + later_ms or watch_ms), unpack(call)}
