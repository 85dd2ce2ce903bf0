"""Where does the store have each message of one queue? Pure."""

from __future__ import annotations

# where each message is, in one snapshot: place, id (or record), …
PLACES = """
local prefix, found = ARGV[1], {}
for p = 0, 3 do
  for _, record in ipairs(redis.call('LRANGE', prefix .. ':ready:' .. p, 0, -1)) do
    found[#found + 1] = 'ready ' .. p; found[#found + 1] = record
  end
end
for _, key in ipairs(redis.call('KEYS', prefix .. ':own:*')) do
  for _, id in ipairs(redis.call('HKEYS', key)) do
    found[#found + 1] = 'own ' .. string.sub(key, #prefix + 6); found[#found + 1] = id
  end
end
for _, kind in ipairs({'due', 'dead', 'kept'}) do
  for _, id in ipairs(redis.call('ZRANGE', prefix .. ':' .. kind, 0, -1)) do
    found[#found + 1] = kind; found[#found + 1] = id
  end
end
local unique = redis.call('HGETALL', prefix .. ':unique')
for i = 1, #unique, 2 do
  found[#found + 1] = 'unique'; found[#found + 1] = unique[i] .. ' ' .. unique[i + 1]
end
local slots = redis.call('HGETALL', prefix .. ':slots')
for i = 1, #slots, 2 do
  found[#found + 1] = 'slots'; found[#found + 1] = slots[i] .. ' ' .. slots[i + 1]
end
local rates = redis.call('ZRANGE', prefix .. ':rates', 0, -1, 'WITHSCORES')
for i = 1, #rates, 2 do
  found[#found + 1] = 'rates'; found[#found + 1] = rates[i] .. ' ' .. rates[i + 1]
end
for _, member in ipairs(redis.call('ZRANGE', prefix .. ':parked', 0, -1)) do
  found[#found + 1] = 'parked'; found[#found + 1] = string.match(member, '(%S+)$')
end
for _, id in ipairs(redis.call('HKEYS', prefix .. ':parkedof')) do
  found[#found + 1] = 'parked too'; found[#found + 1] = id
end
for _, id in ipairs(redis.call('HKEYS', prefix .. ':outbox')) do
  found[#found + 1] = 'outbox'; found[#found + 1] = id
end
for _, name in ipairs(redis.call('ZRANGE', prefix .. ':groups', 0, -1)) do
  found[#found + 1] = 'group'; found[#found + 1] = name
  for _, id in ipairs(redis.call('HKEYS', prefix .. ':members:' .. name)) do
    if id ~= '#' and id ~= '>' then found[#found + 1] = 'member'; found[#found + 1] = id .. ' ' .. name end
  end
end
for _, id in ipairs(redis.call('HKEYS', prefix .. ':awaited')) do
  found[#found + 1] = 'awaited'; found[#found + 1] = id
end
local results = redis.call('HGETALL', prefix .. ':results')
for i = 1, #results, 2 do
  found[#found + 1] = 'result'; found[#found + 1] = results[i] .. ' ' .. redis.sha1hex(results[i + 1])
end
for _, id in ipairs(redis.call('HKEYS', prefix .. ':duerec')) do
  found[#found + 1] = 'record of due'; found[#found + 1] = id
end
return found
"""
