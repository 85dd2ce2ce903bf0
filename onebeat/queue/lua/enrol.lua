-- enrol: read the cursors of schedules; a schedule without one starts now.
-- KEYS gen HASH configuration → generation, `top`, the newest, `made`, the revision of what programs made, and `born`, when this hash was, µs
-- KEYS sched HASH schedule id → cursor
-- KEYS runs HASH schedule id → its fires so far, where a limit counts them
-- ARGV config text hash of the configuration that this beat runs
-- ARGV revision text of the schedules that programs made, '' when these are of a file
-- ARGV born text as `adopt` told it, '' for whichever
-- ARGV start int ms where a schedule starts that has no cursor, '' for now
-- ARGV ...schedules its id; `id cursor runs` where it starts elsewhere or had fires until then, '' for none
-- MOVES none
-- RETURNS now ms, then one cursor per schedule ('' when this beat may not create it)
local gen, sched, runs = KEYS[1], KEYS[2], KEYS[3]
local config, revision, born, start = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local schedules = 5
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local current = redis.call('HGET', gen, 'top') == config
  and (revision == '' or redis.call('HGET', gen, 'made') == revision)
  and (born == '' or redis.call('HGET', gen, 'born') == born)
redis.call('HLEN', sched)
redis.call('HLEN', runs)

local ids, starts, had = {}, {}, {}
for i = schedules, #ARGV do
  local id, cursor, counted = ARGV[i], '', ''
  if string.find(id, ' ', 1, true) then id, cursor, counted = string.match(id, '^(%S+) (%S*) (%S*)$') end
  ids[#ids + 1] = id
  starts[id], had[id] = cursor ~= '' and cursor or start, counted
end
-- To call a command costs more than what it does: one read and one write for all.
local answers, made = {now}, {}
local cursors = #ids > 0 and redis.call('HMGET', sched, unpack(ids)) or {}
for n, id in ipairs(ids) do
  local stored, cursor, counted = cursors[n], starts[id], had[id]
  if not stored and current then
    stored = cursor ~= '' and cursor or now
    made[#made + 1] = id; made[#made + 1] = stored
    if counted ~= '' then redis.call('HSETNX', runs, id, counted) end
  end
  answers[#answers + 1] = stored or ''
end
if #made > 0 then redis.call('HSET', sched, unpack(made)) end
return answers
