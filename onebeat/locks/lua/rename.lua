-- rename: put another token in the place of the holder's; the lease goes on as it was.
-- KEYS owner STRING token of the holder
-- ARGV token text who holds it
-- ARGV other text who shall
-- MOVES none
-- RETURNS 1 when `other` holds it, 0 when neither does
local owner = KEYS[1]
local token, other = ARGV[1], ARGV[2]
local held = redis.call('GET', owner)
if held == other then return 1 end
if held ~= token then return 0 end
redis.call('SET', owner, other, 'KEEPTTL')
return 1
