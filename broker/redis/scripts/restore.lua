-- A node puts back a rider whose client it still has. Missing: back, and told. Aboard, suspended or not: taken back in
-- silence. `detail` says whether it was missing.

if stale then
    return refuse()
end
if repeated then
    return ok(tenure)
end
hold(tenure)
if aboard then
    return ok(tenure)
end
redis.call('HSET', users, socket, user)
publish('restored', user)
return ok(tenure, 'missing')
