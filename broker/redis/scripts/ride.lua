-- Stands in front of every script: a ride's keys, and what every script is told.
--
-- KEYS  users connections away meta log
-- ARGV  channel window cap candidate known_epoch known_offset known_chain left, then the script's own
--
-- window    how long a suspended connection is waited for, in milliseconds
-- cap       how many events the log keeps, about
-- candidate the epoch that begins where another one is over. It comes from the caller because Lua's random numbers are
--           the same on every server
-- known_*   the latest position the caller knows. An empty epoch: none. An empty chain: the caller had it compared just
--           now, and events have come since
-- left      epochs, with a space between, that the caller has left for the known one
--
-- ARGV.publish  in a Redis Cluster: the command that tells what happens on the ride, for a channel in the ride's slot
--
-- Redis makes every function anew in every call, and for each local of a script that functions use a cell beside it:
-- either costs as much as a small command does. So the functions are in files of their own, each in front of the
-- scripts that need it, and fetch keys and arguments themselves.

local users, connections, away, meta, log = unpack(KEYS)
local channel, window, cap, candidate, known_epoch, known_offset, known_chain, left = unpack(ARGV, 1, 8)

-- Where the ride is.
local epoch, offset, chain
