-- enrol: read the cursors of schedules; a schedule without one starts now.
-- KEYS gen HASH configuration → generation, `top`, the newest, and `made`, the revision of what programs made
-- KEYS sched HASH schedule id → cursor
-- KEYS runs HASH schedule id → its fires so far, where a limit counts them
-- ARGV config text hash of the configuration that this beat runs
-- ARGV revision text of the schedules that programs made, '' when these are of a file
-- ARGV ...schedules[id, cursor, runs] cursor: where to start when there is none, '' for now; runs: its fires until then, '' for none
-- MOVES none
-- RETURNS now ms, then one cursor per schedule ('' when this beat may not create it)
local gen, sched, runs = KEYS[1], KEYS[2], KEYS[3]
local config, revision = ARGV[1], ARGV[2]
local schedules, width = 3, 3
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local current = redis.call('HGET', gen, 'top') == config
  and (revision == '' or redis.call('HGET', gen, 'made') == revision)
redis.call('HLEN', sched)
redis.call('HLEN', runs)
local answers = {now}
for i = schedules, #ARGV, width do
  local id, cursor, counted = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local stored = redis.call('HGET', sched, id)
  if not stored and current then
    stored = cursor ~= '' and cursor or now
    redis.call('HSET', sched, id, stored)
    if counted ~= '' then redis.call('HSETNX', runs, id, counted) end
  end
  answers[#answers + 1] = stored or ''
end
return answers
