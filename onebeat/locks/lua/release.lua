-- release: give up what a token has, its hold or its place in the queue, and pass the lock on.
-- KEYS owner STRING token of the holder
-- KEYS state HASH fence, tickets, holder; outlives the owner
-- KEYS queue ZSET token of a waiter → its ticket
-- KEYS waiters HASH token → until when it surely asks again, ms, and how long a grant waits for it, ms
-- KEYS bell LIST mailbox of the token
-- ARGV token text whose hold or place
-- ARGV how text `release`, `abandon` (no late request may revive the attempt) or `force` (by an operator)
-- ARGV keep_ms int the lock stays shut for this long after it was released
-- ARGV note text JSON about the hold that ends, or why it was forced; for people
-- MOVES none
-- RETURNS done, already or not-yours | the token to wake because the lock was granted to it, or empty
local owner, state, queue, waiters, bell = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, how, keep_ms, note = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local LOOK, RECENT, PAST_BYTES, TOMB_MS, STATE_MS = 64, 16, 1200, 60000, 2592000000
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local held = redis.call('GET', owner)
local seen = redis.call('HMGET', state, 'fence', 'over', 'heir', 'holder', 'since', 'past')
local fence, over, heir = seen[1], seen[2] or '', seen[3]
redis.call('ZCARD', queue)
redis.call('HLEN', waiters)
redis.call('LLEN', bell)

if how == 'abandon' then
  redis.call('DEL', bell)
  redis.call('RPUSH', bell, 'over')
  redis.call('PEXPIRE', bell, TOMB_MS)
  redis.call('ZREM', queue, token)
  redis.call('HDEL', waiters, token)
end
if held ~= token then
  -- The wake-up of an earlier, unanswered release may be lost: a repeated one names the heir again.
  local mine = string.find(',' .. over, ',' .. token .. ',', 1, true)
  return {mine and 'already' or 'not-yours', heir == held and heir or ''}
end
-- The last holds, the newest first, for people: a line each. What is full becomes what was before.
if seen[4] and how ~= 'abandon' then
  local words = '{"event":"%s","fence":%s,"since_ms":%s,"until_ms":%.0f,"who":%s,"note":%s}\n'
  local line = string.format(words, how, fence or '0', seen[5], now, seen[4], note == '' and '{}' or note)
  local old = seen[6] or ''
  if #old > PAST_BYTES then redis.call('HSET', state, 'before', old, 'past', line, 'told', fence or '0')
  else redis.call('HSET', state, 'past', line .. old, 'told', fence or '0') end
end
-- The last released tokens are kept: a release whose answer is lost may be repeated some holders later.
over = token .. ',' .. string.sub(over, 1, (RECENT - 1) * (#token + 1))
if keep_ms > 0 then
  -- No token, so that a renewal that arrives late does not keep it shut for longer.
  redis.call('SET', owner, token .. ':over', 'PX', keep_ms)
  redis.call('HSET', state, 'over', over)
  return {'done', ''}
end

-- The first waiter that is alive gets the lock, for as long as it surely needs to ask for it.
local ahead, lives, gone, first, grant_ms = redis.call('ZRANGE', queue, 0, LOOK - 1), {}, {}, '', 0
if #ahead > 0 then lives = redis.call('HMGET', waiters, unpack(ahead)) end
for i, each in ipairs(ahead) do
  local until_ms, stay = string.match(lives[i] or '0:0', '^(%d+):(%d+)$')
  gone[#gone + 1] = each
  if tonumber(until_ms or '0') > now then
    first, grant_ms = each, tonumber(stay)
    break
  end
end
if #gone > 0 then
  redis.call('ZREM', queue, unpack(gone))
  redis.call('HDEL', waiters, unpack(gone))
end
redis.call('HDEL', state, 'holder', 'since', 'heir')
if how == 'force' then redis.call('HSET', state, 'forced', note) else redis.call('HSET', state, 'over', over) end
if first ~= '' or how == 'force' then
  fence = string.format('%.0f', math.max(tonumber(fence or '0') + 1, t[1] * 1000000 + t[2]))
  redis.call('HSET', state, 'fence', fence)
end
if first ~= '' then
  redis.call('HSET', state, 'heir', first)
  redis.call('SET', owner, first, 'PX', grant_ms)
else
  redis.call('DEL', owner)
end
redis.call('PEXPIRE', state, STATE_MS)
return {'done', first}
