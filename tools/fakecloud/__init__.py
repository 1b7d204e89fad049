"""A cloud over HTTP in one process: Keystone, Heat, Nova, Neutron, Glance, Cinder.

Everything is kept in memory and answered at once, in the words of the real
services, as far as Magnum asks. Tests of the API look up what they put in;
benchmarks let every contender talk to the same process, whose own cost cancels
out in a ratio. Only the standard library is needed.
"""
