"""Apache Mesos with Marathon: what its bays need from Heat and put on their nodes."""
