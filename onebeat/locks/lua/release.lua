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
local token, how, note = ARGV[1], ARGV[2], ARGV[4]
local RECENT, SHORT, SLOTS = 16, 12, 12
local short = string.sub(token, -SHORT)
local held = redis.call('GET', owner)
local seen = redis.call('HMGET', state, 'fence', 'over', 'holder', 'tickets')
local fence, over, holder, tickets = seen[1] or '0', seen[2] or '', seen[3] or '', seen[4] or '0'
-- The last holds, for people: a field for each, of which the oldest is written over; its slot and the fence of the
-- hold that ends stand before the tokens that were released last, so much of each as tells them apart: a release
-- whose answer is lost may be repeated some holders later.
local slot = string.char(((string.byte(over) or 64) - 64) % SLOTS + 65)
local comma = string.find(over, ',', 1, true)
local tail = comma and string.sub(over, comma, comma + (RECENT - 1) * (SHORT + 1)) or ','
local row = '["' .. how .. '",' .. fence .. ',' .. holder .. ',' .. (note == '' and '{}' or note)

-- The short way: nobody waits, and the note tells how long it was held.
if held == token and how == 'release' and tickets == '0' and ARGV[3] == '0' and note ~= '' and holder ~= '' then
  redis.call('HSET', state, 'over', slot .. fence .. ',' .. short .. tail, 'past-' .. slot, row .. ']')
  redis.call('DEL', owner)
  return {'done', ''}
end

local LOOK, CLAIM_MS, TOMB_MS, STATE_MS, SPAN = 64, 300, 60000, 2592000000, 7
local keep_ms, t = tonumber(ARGV[3]), redis.call('TIME')
local micros = t[1] .. string.sub('00000' .. t[2], -6)
local now = tonumber(string.sub(micros, 1, -4))
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
local forced, set = how == 'force' and keep_ms == 0, {'holder', keep_ms > 0 and holder or ''}
local function put(field, text) set[#set + 1], set[#set + 2] = field, text end
if holder == '' or how == 'abandon' then slot = over == '' and '@' or string.sub(over, 1, 1)
else put('past-' .. slot, row .. ',' .. micros .. ']') end
put('over', slot .. fence .. (forced and tail or ',' .. short .. tail))
if forced then put('forced', note) end
local new = fence
if first ~= '' or forced then
  local next = tonumber(fence) + 1
  new = next > tonumber(micros) and string.format('%.0f', next) or micros
  put('fence', new)
  put('heir', first)
end
redis.call('HSET', state, unpack(set))
-- Who makes a fence puts off the end of the state, as in `acquire`: those who hand the lock on do so for hours.
if string.sub(new, 1, SPAN) ~= string.sub(fence, 1, SPAN) or fence == '0' or new ~= fence and new ~= micros then
  redis.call('PEXPIRE', state, STATE_MS)
end
-- No token, so that a renewal that arrives late does not keep it shut for longer.
if keep_ms > 0 then redis.call('SET', owner, token .. ':over', 'PX', keep_ms)
elseif first ~= '' then redis.call('SET', owner, first, 'PX', grant_ms)
else redis.call('DEL', owner) end
return {'done', first}
