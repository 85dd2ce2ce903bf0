-- ring: wake the waiters whose turn it is.
-- KEYS ...bells LIST mailbox of each
-- ARGV life_ms int a bell that nobody hears is forgotten after this
-- MOVES none
-- RETURNS how many rang; the others rang already, or their waiter is gone
local bells, life_ms = 1, ARGV[1]
local rang = 0
for i = bells, #KEYS do redis.call('LLEN', KEYS[i]) end
for i = bells, #KEYS do
  if redis.call('LLEN', KEYS[i]) == 0 then
    redis.call('RPUSH', KEYS[i], 'yours')
    redis.call('PEXPIRE', KEYS[i], life_ms)
    rang = rang + 1
  end
end
return rang
