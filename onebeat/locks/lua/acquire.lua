-- acquire: take the lock, or queue for it, or learn that another holds it.
-- KEYS owner STRING token of the holder
-- KEYS state HASH fence, tickets, holder; outlives the owner
-- KEYS queue ZSET token of a waiter → its ticket
-- KEYS waiters HASH token → until when it surely asks again, ms, and how long a grant waits for it, ms
-- KEYS bell LIST the caller's mailbox; `over` in it says that the caller gave this attempt up
-- ARGV token text random, one per attempt
-- ARGV ttl_ms int the lease
-- ARGV stay_ms int the caller asks again within this, or loses its place; 0 = it does not queue
-- ARGV who text JSON about the caller, for people
-- MOVES none
-- RETURNS held and the fence | queued and after how many ms to ask again (-1 = when the bell rings) | busy | over
local owner, state, queue, waiters, bell = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, ttl_ms, stay_ms, who = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local LOOK, GRANT_MS, QUEUE_MS, STATE_MS = 64, 2000, 120000, 2592000000
local PAST_BYTES = 1200
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local held = redis.call('GET', owner)
local seen = redis.call('HMGET', state, 'fence', 'over', 'heir', 'holder', 'told')
local fence, over, heir, last, told = seen[1], seen[2] or '', seen[3], seen[4], seen[5]
local ahead, lives = redis.call('ZRANGE', queue, 0, LOOK - 1), {}
redis.call('HLEN', waiters)
-- A request can arrive after its sender gave up: it must not take a lock that nobody would release.
if string.find(',' .. over, ',' .. token .. ',', 1, true) or redis.call('LINDEX', bell, 0) == 'over' then
  return {'over', '0'}
end

-- Waiters that did not come back are dropped, from the front, until one is alive.
local first, dead = nil, {}
if #ahead > 0 then lives = redis.call('HMGET', waiters, unpack(ahead)) end
for i, each in ipairs(ahead) do
  if each == token or tonumber(string.match(lives[i] or '', '^%d+') or '0') > now then
    first = each
    break
  end
  dead[#dead + 1] = each
end
if #dead > 0 then
  redis.call('ZREM', queue, unpack(dead))
  redis.call('HDEL', waiters, unpack(dead))
end
local alone = #dead == #ahead and #ahead < LOOK

if held == token or (not held and (first == token or alone)) then
  -- A holder that neither released nor was told off: its lease ended under it, which people want to know.
  if not held and last and told ~= fence then
    local when = redis.call('HMGET', state, 'since', 'past')
    local words = '{"event":"lapsed","fence":%s,"since_ms":%s,"until_ms":%.0f,"who":%s,"note":{}}\n'
    local line = string.format(words, fence or '0', when[1] or '0', now, last)
    local old = when[2] or ''
    if #old > PAST_BYTES then redis.call('HSET', state, 'before', old, 'past', line)
    else redis.call('HSET', state, 'past', line .. old) end
  end
  if held ~= token or heir == token then
    if #ahead > 0 then
      redis.call('ZREM', queue, token)
      redis.call('HDEL', waiters, token)
    end
    if heir then redis.call('HDEL', state, 'heir') end
    redis.call('HSET', state, 'holder', who, 'since', string.format('%.0f', now))
  end
  if held ~= token or not fence then
    fence = string.format('%.0f', math.max(tonumber(fence or '0') + 1, t[1] * 1000000 + t[2]))
    redis.call('HSET', state, 'fence', fence)
  end
  redis.call('SET', owner, token, 'PX', ttl_ms)
  redis.call('PEXPIRE', state, STATE_MS)
  return {'held', fence}
end

if stay_ms == 0 then return {'busy', '0'} end
if not redis.call('ZSCORE', queue, token) then
  redis.call('ZADD', queue, redis.call('HINCRBY', state, 'tickets', 1), token)
end
local life = string.format('%.0f:%.0f', now + stay_ms, math.min(ttl_ms, GRANT_MS))
redis.call('HSET', waiters, token, life)
redis.call('PEXPIRE', state, STATE_MS)
redis.call('PEXPIRE', queue, math.max(QUEUE_MS, stay_ms))
redis.call('PEXPIRE', waiters, math.max(QUEUE_MS, stay_ms))
-- Only the head watches the lease: the others sleep until their bell rings.
local watch_ms = -1
if held and (first == token or alone) then watch_ms = redis.call('PTTL', owner) end
return {'queued', string.format('%.0f', watch_ms)}
