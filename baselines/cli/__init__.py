"""The verbs that compute with models; one file a verb."""
