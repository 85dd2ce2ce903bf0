-- release: give up what a token has, its hold or its place in the queue, and pass the lock on.
-- KEYS owner STRING token of the holder
-- KEYS state HASH fence, tickets, holder; outlives the owner
-- KEYS queue ZSET token of a waiter → its ticket
-- KEYS waiters HASH token → its place ends, ms : a grant waits for it, ms : since when it is called in vain, ms or 0
-- KEYS bell LIST mailbox of the token
-- ARGV token text whose hold or place
-- ARGV how text `release`, `abandon` (no late request may revive the attempt) or `force` (by an operator)
-- ARGV keep_ms int the lock stays shut for this long after it was released
-- ARGV note text JSON about the hold that ends, or why it was forced; for people
-- MOVES none
-- RETURNS done, already or not-yours | the token to wake because the lock was granted to it, or empty
local owner, state, queue, waiters, bell = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, how, keep_ms, note = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local LOOK, CLAIM_MS, RECENT, SHORT, PAST = 64, 300, 16, 12, 12
local TOMB_MS, STATE_MS = 60000, 2592000000
local short = string.sub(token, -SHORT)
local t = redis.call('TIME')
local micros = t[1] .. string.sub('00000' .. t[2], -6)
local now_text = string.sub(micros, 1, -4)
local now = tonumber(now_text)
local held = redis.call('GET', owner)
local seen = redis.call('HMGET', state, 'fence', 'over', 'holder', 'since', 'slot', 'tickets')
local fence, over, last, tickets = seen[1], seen[2] or ',', seen[3] or '', seen[6] or '0'
local ahead, lives, gone, first, grant_ms = {}, {}, {}, '', 0
if how == 'abandon' or tickets ~= '0' then ahead = redis.call('ZRANGE', queue, 0, LOOK - 1) end
if #ahead > 0 then lives = redis.call('HMGET', waiters, unpack(ahead)) end

if how == 'abandon' then
  redis.call('LLEN', bell)
  redis.call('HLEN', waiters)
  redis.call('DEL', bell)
  redis.call('RPUSH', bell, 'over')
  redis.call('PEXPIRE', bell, TOMB_MS)
  -- With a ticket in use `acquire` looks at mailboxes.
  if tickets == '0' then tickets = '1' end
  redis.call('HSET', state, 'tombs', string.format('%.0f', now + TOMB_MS), 'tickets', tickets)
  redis.call('PEXPIRE', state, STATE_MS)
  redis.call('ZREM', queue, token)
  redis.call('HDEL', waiters, token)
end
if held ~= token then
  -- The wake-up of an earlier, unanswered release may be lost: a repeated one names the heir again.
  local mine = string.find(over, ',' .. short .. ',', 1, true)
  local heir = redis.call('HGET', state, 'heir')
  return {mine and 'already' or 'not-yours', heir == held and heir or ''}
end

-- The first waiter that is alive gets the lock, for as long as it surely needs to ask for it. It keeps its
-- place until it did; who was called in vain is passed until it asks again.
for i, each in ipairs(keep_ms == 0 and ahead or {}) do
  local until_ms, stay_ms, called_ms = string.match(lives[i] or '', '^(%d+):(%d+):?(%d*)$')
  local called = tonumber(called_ms) or 0
  if each == token or tonumber(until_ms or '0') <= now then
    gone[#gone + 1] = each
  elseif called == 0 or now - called < CLAIM_MS then
    first, grant_ms = each, tonumber(stay_ms)
    break
  end
end
if #gone > 0 then
  redis.call('ZREM', queue, unpack(gone))
  redis.call('HDEL', waiters, unpack(gone))
end
if first ~= '' or (how == 'force' and keep_ms == 0) then
  local next = tonumber(fence or '0') + 1
  local new = next > tonumber(micros) and string.format('%.0f', next) or micros
  redis.call('HSET', state, 'fence', new, 'heir', first)
end
-- The last released tokens are kept, so much of each as tells them apart: a release whose answer is lost may be
-- repeated some holders later.
local set = {'holder', '', 'over', ',' .. short .. string.sub(over, 1, (RECENT - 1) * (SHORT + 1) + 1)}
if how == 'force' and keep_ms == 0 then set[3], set[4] = 'forced', note end
-- The last holds, for people: a field for each, of which the oldest is written over.
if last ~= '' and how ~= 'abandon' then
  local slot = tostring((seen[5] or 0) % PAST + 1)
  set[5], set[6], set[7] = 'slot', slot, 'past' .. slot
  set[8] = '{"event":"' .. how .. '","fence":' .. (fence or '0') .. ',"since_ms":' .. (seen[4] or '0') .. ',"until_ms":'
    .. now_text .. ',"who":' .. last .. ',"note":' .. (note == '' and '{}' or note) .. '}'
end
redis.call('HSET', state, unpack(set))
if not fence then redis.call('PEXPIRE', state, STATE_MS) end
if keep_ms > 0 then
  redis.call('HSET', state, 'holder', last, 'told', fence or '0')
  -- No token, so that a renewal that arrives late does not keep it shut for longer.
  redis.call('SET', owner, token .. ':over', 'PX', keep_ms)
elseif first ~= '' then redis.call('SET', owner, first, 'PX', grant_ms)
else redis.call('DEL', owner) end
return {'done', first}
