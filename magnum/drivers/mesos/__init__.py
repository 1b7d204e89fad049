"""Apache Mesos with Marathon."""
