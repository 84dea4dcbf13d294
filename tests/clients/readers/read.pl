# Prints what Perl makes of JSON texts: see readers.mjs.
use strict;
use warnings;
use B;
use JSON::PP;

sub hex_of { my ($text) = @_; utf8::encode($text); return unpack 'H*', $text }

sub is_number { my $flags = B::svref_2object(\$_[0])->FLAGS; return $flags & (B::SVp_IOK | B::SVp_NOK) && !($flags & B::SVp_POK) }

sub dump_of {
    my ($value) = @_;
    return { o => [ map { [ hex_of($_), dump_of($value->{$_}) ] } keys %$value ] } if ref $value eq 'HASH';
    return [ map { dump_of($_) } @$value ] if ref $value eq 'ARRAY';
    return $value if !defined $value || JSON::PP::is_bool($value);
    return { n => sprintf '%.17g', $value } if is_number($value);
    return hex_of($value);
}

while (my $line = <STDIN>) {
    chomp $line;
    print JSON::PP->new->encode(dump_of(JSON::PP->new->utf8->decode(pack 'H*', $line))), "\n";
}
