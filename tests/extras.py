"""An `Extras` that has everything."""

from __future__ import annotations

from aggregator.models.extras import (
    Alternate,
    Attribute,
    Chapters,
    Extras,
    MediaDetail,
    MediaSource,
    Person,
    Picture,
    PodcastLicense,
    RslElement,
    Soundbite,
    Term,
    Transcript,
)

PAGE = "https://e.example/"
FULL = Extras(
    rights="All",
    licenses=(PAGE,),
    podcast_license=PodcastLicense("cc", PAGE),
    rsl=(RslElement("content", (Attribute("url", PAGE),), None, (RslElement("license", (), "text"),)),),
    noindex=True,
    authors=(Person("Ann", PAGE, PAGE),),
    contributors=(Person("Bob"),),
    people=(Person("Cy", None, PAGE, "host", "cast"),),
    categories=(Term("one", PAGE, "One"),),
    thumbnails=(Picture(PAGE, 1, 2),),
    media=(MediaDetail(PAGE, None, "audio", 1, 2, 3.5, "en", True),),
    transcripts=(Transcript(PAGE, "text/vtt", "en", "captions"),),
    chapters=Chapters(PAGE, "application/json"),
    alternates=(Alternate("audio/opus", (MediaSource(PAGE, "audio/opus"),), 1, 2.5, 3, "en", "t", "r", "c", True),),
    soundbites=(Soundbite(1.5, 2.0, "t"),),
    season=1,
    season_name="First",
    episode=2.5,
    episode_name="Two",
    episode_type="bonus",
    explicit=False,
    itunes_title="Title",
    comments_count=0,
    comments_feed=PAGE,
    markdown="*a*\n\nb",
    external_url=PAGE,
    banner_image=PAGE,
)
