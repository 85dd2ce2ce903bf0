-- resign: let another beat lead at once.
-- KEYS leader STRING token of the leading beat
-- KEYS beats HASH beat → who and where, for people
-- ARGV token text this beat
-- MOVES none
-- RETURNS 1 when this beat led, else 0
local leader, beats = KEYS[1], KEYS[2]
local token = ARGV[1]
redis.call('HLEN', beats)
local led = redis.call('GET', leader) == token
if led then redis.call('DEL', leader) end
redis.call('HDEL', beats, token)
return led and 1 or 0
