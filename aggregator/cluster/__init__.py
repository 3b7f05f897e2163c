"""The same stages in several workers, on PostgreSQL and a task queue (procrastinate): `aggregator worker`.

    worker       one process: its lanes of jobs, and what it does when the database or the configuration changes
    sources      jobs that update sources, through an `Engine` of the pipeline
    dispatch     the job that puts due sources into the queue
    publishing   jobs that publish
    queue        the queue: which jobs there are, and those of workers that died
    database     connections for the event loop; the clock that all workers share
    leases       politeness of all workers together
    inforce      the configuration in force, and the folder that is published to
    looking      what `aggregator cluster` shows

Due times in the store are the truth, and jobs are hints: a job that is lost is made again by the next look for due
sources, and one that comes twice finds nothing due. So no job is ever tried again for its own sake. Nothing here is
imported where no PostgreSQL database is used.
"""
