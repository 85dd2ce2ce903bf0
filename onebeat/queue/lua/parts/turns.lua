-- It waits in the line of a key, or of a rate (no limit), at `place`, or behind all of its priority.
local function line_up(id, record, line, limit, place)
  local level = line .. ' ' .. string.byte(record, 5)
  if not place then
    local last = redis.call('ZREVRANGEBYLEX', parked, '(' .. level .. '!', '[' .. level .. ' ', 'LIMIT', 0, 1)[1]
    place = math.max(tonumber(string.match(last or '', '^%S+ %d (%d+)') or '0') + 1, first_fence)
  end
  local member = string.format('%s %016.0f %d %s', level, place, limit or 0, id)
  redis.call('HSET', duerec, id, record)
  redis.call('ZADD', due, now + (limit and LOOK_MS or FAR_MS), id)
  redis.call('ZADD', parked, 0, member); redis.call('HSET', parkedof, id, member)
  parks = true
  if not limit then pace(line) end
end
-- From one line to the other, with its place.
local function moved(id, record, member, line, limit)
  redis.call('ZREM', parked, member)
  line_up(id, record, line, limit, tonumber(string.match(member, '^%S+ %d+ (%d+)')))
end
local function unlined(id, member)
  redis.call('ZREM', due, id); redis.call('HDEL', duerec, id)
  redis.call('ZREM', parked, member); redis.call('HDEL', parkedof, id)
end
-- Of those that wait for a slot of this key the first have one, if there is one, and are claimed next; who has
-- a rate too waits for its token first, and holds no slot while it does.
local function called_up(key)
  local taken, away, front = taken_of(key), 0, {}
  for _, member in ipairs(redis.call('ZRANGEBYLEX', parked, '[' .. key .. ' ', '(' .. key .. '!', 'LIMIT', 0, 16)) do
    local limit, id = string.match(member, ' (%d+) (%S+)$')
    if taken + away >= tonumber(limit) then break end
    local record = redis.call('HGET', duerec, id)
    local known, b = pcall(bounds_of, record)
    if known and b.rate then
      moved(id, record, member, b.rate)
      away = away + 1
    else
      unlined(id, member)
      if record then
        taken = taken + 1
        redis.call('HSET', slots, key, taken, id, key)
        table.insert(front, 1, record)
        seats = true
      end
    end
  end
  for _, record in ipairs(front) do redis.call('LPUSH', list_of(record), record) end
  backlog = backlog + #front
end
-- One that waits in a line is due: whoever is first there has its turn, if there is a slot or a token.
local function looked_at(id, line)
  local waits_for_token = string.sub(line, 1, 1) == '~'
  redis.call('ZADD', due, now + (waits_for_token and FAR_MS or LOOK_MS), id)
  if waits_for_token then pace(line) else called_up(line) end
end
-- Whether it may run: it takes a slot and a token; else it waits behind those of its key and priority.
local function seated(id, record)
  local known, b = pcall(bounds_of, record)
  if not known then return true end
  local seat, reason = seats and redis.call('HEXISTS', slots, id) == 1, 'concurrency'
  if b.rate and (#records >= begin or token_us(b) > now_us or first_of(b.rate)) then
    if seat then vacated(id) end
    line_up(id, record, b.rate)
    reason = 'rate'
  elseif b.key and not seat and (taken_of(b.key) >= b.limit or first_of(b.key)) then
    line_up(id, record, b.key, b.limit)
  else
    take(id, b)
    return true
  end
  backlog = backlog - 1
  counts.hold = (counts.hold or 0) + 1
  if string.byte(record, 2) % 2 == 1 then
    lines[#lines + 1] = '{"event":"parked","id":"' .. id .. '","reason":"' .. reason .. '"}'
  end
  return false
end
-- The first of those that wait for a token of this rate, and whose list is p, are claimed while there are tokens;
-- who would have a token and has no slot leaves it to the next, and waits for the slot. True when the first has
-- its token and could not begin at once.
local function served(rate, p)
  for _ = 1, 32 do
    local member = first_of(rate)
    if not member then return false end
    local id = string.match(member, '(%S+)$')
    local record = redis.call('HGET', duerec, id)
    local known, b = pcall(bounds_of, record)
    if not record then
      unlined(id, member)
    elseif math.min(string.byte(record, 5) + 1, 4) > p or (known and b.rate and token_us(b) > now_us) then
      return false
    elseif known and b.key and taken_of(b.key) >= b.limit then
      moved(id, record, member, b.key, b.limit)
    elseif #records >= begin then
      return true
    else
      unlined(id, member)
      local flags = string.byte(record, 2)
      if not (cancels and dropped(id, flags)) then
        if known then take(id, b) end
        claim(id, record, flags)
        backlog = backlog + 1
      end
    end
  end
end
-- Who is first now looks when its token is there; true when it is and nobody could be claimed with it.
local function wound_up(rate)
  local member = first_of(rate)
  if not member then return false end
  local id = string.match(member, '(%S+)$')
  local known, b = pcall(bounds_of, redis.call('HGET', duerec, id))
  local at = known and b.rate and math.max(now, math.ceil(token_us(b) / 1000)) or now
  redis.call('ZADD', due, at, id)
  return at == now
end
