-- extend: give a hold more time or another time, once per request.
-- KEYS owner STRING token of the holder
-- KEYS state HASH fence, tickets, holder; outlives the owner
-- ARGV token text whose hold
-- ARGV more_ms int how much
-- ARGV how text `add` it to what is left, or `replace` what is left
-- ARGV request text random; the same request again adds nothing
-- MOVES none
-- RETURNS ms that the hold lasts from now, or 0: the token holds nothing
local owner, state = KEYS[1], KEYS[2]
local token, more_ms, how, request = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local STATE_MS = 2592000000
local held, last = redis.call('GET', owner), redis.call('HGET', state, 'extended')
local left_ms = redis.call('PTTL', owner)
if held ~= token or left_ms < 0 then return 0 end
if last == request then return math.max(1, left_ms) end
local new_ms = math.max(1, how == 'add' and left_ms + more_ms or more_ms)
redis.call('HSET', state, 'extended', request)
redis.call('PEXPIRE', state, STATE_MS)
redis.call('PEXPIRE', owner, new_ms)
return new_ms
