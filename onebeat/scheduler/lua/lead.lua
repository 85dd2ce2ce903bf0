-- lead: become or stay the beat that emits first, and say that this beat is alive.
-- KEYS leader STRING token of the leading beat
-- KEYS beats HASH beat → who and where, for people
-- ARGV token text this beat
-- ARGV lease_ms int for how long it leads without asking again
-- ARGV card text who and where, JSON
-- MOVES none
-- RETURNS now ms | 1 when this beat leads, else 0
local leader, beats = KEYS[1], KEYS[2]
local token, lease_ms, card = ARGV[1], ARGV[2], ARGV[3]
redis.call('HLEN', beats)
local t = redis.call('TIME')
local holder = redis.call('GET', leader)
local leads = not holder or holder == token
if leads then redis.call('SET', leader, token, 'PX', lease_ms) end
redis.call('HSET', beats, token, card)
return {string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)), leads and 1 or 0}
