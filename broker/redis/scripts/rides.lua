-- Stands in front of the scripts that do what nodes call for: operations on one ride or on several, in one call.
--
-- KEYS  users connections away meta log, of each ride. In a Redis Cluster those of the first are declared, and what the
--       gateway puts in front of the script fetches the others from the end of ARGV
-- ARGV  channel window cap candidate known_epoch known_offset known_chain left, as in ride.lua, of the first ride
--       node run, then its operations: count before operation…
--       then of each other ride: channel known_epoch known_offset known_chain left count before operation…
--
-- node, run  the sender, and its process
-- count      how many operations of the ride there are
-- before     the sequence of the sender's operation before the first of these, if that had no answer yet, else 0
--
-- What is about one ride reads its keys and what is known of it at the front of KEYS and ARGV: operation.lua puts them
-- there when it is the ride's turn.

-- Where that ride is.
local epoch, offset, chain
