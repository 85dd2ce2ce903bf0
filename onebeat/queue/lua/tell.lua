-- tell: wake those who wait for the end of messages.
-- KEYS ...told STREAM the mailbox of each
-- ARGV life_ms int a mailbox that nobody looks into is forgotten after this
-- MOVES none
-- RETURNS how many
local told, life_ms = 1, ARGV[1]
for i = told, #KEYS do redis.call('XLEN', KEYS[i]) end
for i = told, #KEYS do
  redis.call('XADD', KEYS[i], 'MAXLEN', 1, '*', 'e', '1')
  redis.call('PEXPIRE', KEYS[i], life_ms)
end
return #KEYS
