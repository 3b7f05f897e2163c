BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE entries (
	pk INTEGER NOT NULL, 
	source_pk INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	published_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	dated BOOLEAN NOT NULL, 
	pending BOOLEAN NOT NULL, 
	category TEXT, 
	public_id TEXT, 
	path TEXT, 
	path_key TEXT, 
	guid TEXT, 
	url TEXT, 
	title TEXT NOT NULL, 
	authors TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	enclosures TEXT NOT NULL, 
	image TEXT, 
	comments_url TEXT, 
	language TEXT, 
	summary TEXT NOT NULL, 
	html TEXT NOT NULL, 
	CONSTRAINT pk_entries PRIMARY KEY (pk), 
	CONSTRAINT fk_entries_source_pk_sources FOREIGN KEY(source_pk) REFERENCES sources (pk), 
	CONSTRAINT uq_entries_source_pk_key UNIQUE (source_pk, "key"), 
	CONSTRAINT uq_entries_public_id UNIQUE (public_id), 
	CONSTRAINT uq_entries_path_key UNIQUE (path_key)
);
INSERT INTO "entries" VALUES(1,1,'https://lamps.example/1','9768c06727c36c4f32906039f3ce1795',0,1767600000,1767600000,1,0,'news','https://lamps.example/1','news/A-lamp-with-an-address-for-a-guid.md','news/a-lamp-with-an-address-for-a-guid.md','https://lamps.example/1','https://lamps.example/1','A lamp with an address for a guid','[]','[]','[]','{ORIGIN}/pictures/lamp.jpg',NULL,NULL,'','<p class="first" style="color: red">Oil <b>and</b> wick.</p><p><img src="{ORIGIN}/pictures/lamp.jpg" alt="a lamp"></p>');
INSERT INTO "entries" VALUES(2,1,'lamp-2','d523b6a97f56cdc527071a8281aaaab3',0,1767686400,1767686400,1,0,'news','urn:uuid:3d441bab-17b9-55b3-ad43-3e01fa2b668d','news/A-lamp-with-a-number_-[2].md','news/a-lamp-with-a-number_-[2].md','lamp-2','https://lamps.example/2','A lamp with a number: [2]','[]','["Glass"]','[]',NULL,NULL,NULL,'','Plain words, no markup.');
INSERT INTO "entries" VALUES(3,1,'lamp-3
https://lamps.example/3a','0317d390adacbb824dd28e2a3a97d9e2',0,1767772800,1767772800,1,0,'news','urn:uuid:f9625f06-c098-5d4d-817f-79beffb10b98','news/Two-lamps-of-one-guid,-first.md','news/two-lamps-of-one-guid,-first.md','lamp-3','https://lamps.example/3a','Two lamps of one guid, first','[]','[]','[]',NULL,NULL,NULL,'','One of two.');
INSERT INTO "entries" VALUES(4,1,'lamp-3
https://lamps.example/3b','d9d0f65ff3f8b165f27f6599cd67c176',0,1767774600,1767774600,1,0,'news','urn:uuid:3d8ed356-c7e6-53ca-bda0-8861121c6f80','news/Two-lamps-of-one-guid,-second.md','news/two-lamps-of-one-guid,-second.md','lamp-3','https://lamps.example/3b','Two lamps of one guid, second','[]','[]','[]',NULL,NULL,NULL,'','The other.');
INSERT INTO "entries" VALUES(5,2,'https://bare.example/one','e895323e618b60c4fcb65bb1e14113d9',0,1795812406,1795812406,0,0,'news','urn:uuid:025ca375-1c0c-560f-8ac4-c94994a9f023','news/Neither-guid-nor-date.md','news/neither-guid-nor-date.md',NULL,'https://bare.example/one','Neither guid nor date','[]','[]','[]',NULL,NULL,NULL,'','Undated.');
INSERT INTO "entries" VALUES(6,2,'hash:aff32bc8f2d7d48ef2bed4d26ba9732a','cabaab5fbdba3c510086622ac1ebe657',0,1767830400,1767830400,1,0,'news','urn:uuid:e4255bea-19dc-51ea-a3dc-883f575b6385','news/Neither-guid-nor-address.md','news/neither-guid-nor-address.md',NULL,NULL,'Neither guid nor address','[]','[]','[]',NULL,NULL,NULL,'','Only a day.');
INSERT INTO "entries" VALUES(7,2,'hash:67d60a35ba87b3b26751b199024c5df0','22cb3b2a9626964fbabf23e4593fcc28',0,1795812406,1795812406,0,0,'news','urn:uuid:ccf669e9-16fe-5107-a8a5-21155b3c4d02','news/Nothing-but-a-text,-which-names-itself.md','news/nothing-but-a-text,-which-names-itself.md',NULL,NULL,'Nothing but a text, which names itself.','[]','[]','[]',NULL,NULL,NULL,'','Nothing but a text, which names itself.');
INSERT INTO "entries" VALUES(8,2,'https://bare.example/same
https://bare.example/same
03e2afa47468d50886fbf18f0942cd64','e64288265d15bd0e57f10a665ee43346',0,1795812406,1795812406,0,0,'news','urn:uuid:9f14f325-72f0-59cc-bef7-84452691a85a','news/Same-address.md','news/same-address.md',NULL,'https://bare.example/same','Same address','[]','[]','[]',NULL,NULL,NULL,'','First text.');
INSERT INTO "entries" VALUES(9,2,'https://bare.example/same
https://bare.example/same
26deb40d05bea9f9aa1b89981a4e3fed','6087f4d4e8e0d4454197a86457363083',0,1795812406,1795812406,0,0,'news','urn:uuid:9a33e320-5165-514f-906f-9cb35befbffc','news/Same-address,-other-title.md','news/same-address,-other-title.md',NULL,'https://bare.example/same','Same address, other title','[]','[]','[]',NULL,NULL,NULL,'','Second text.');
INSERT INTO "entries" VALUES(10,4,'7','fcfdd176f73549e5fec77f8a9b4d5fba',0,1768298400,1768298400,1,0,'news','urn:uuid:86d33a52-bcce-5ae9-b69b-cb4e681a67b1','news/Seven.md','news/seven.md','7','https://numbers.example/7','Seven','[]','[]','[]','https://numbers.example/7.png',NULL,NULL,'','<p>seven <a href="https://numbers.example/8">eight</a></p>');
INSERT INTO "entries" VALUES(11,4,'https://lamps.example/1','fac5e5d788bae2fcbfd196f0d49bf016',0,1768384800,1768384800,1,0,'news','urn:uuid:9f4cf10b-7513-5ed7-8bb7-9aa4916d6d10','news/Another-one-uses-the-guid-of-somebody-else.md','news/another-one-uses-the-guid-of-somebody-else.md','https://lamps.example/1','https://lamps.example/1','Another one uses the guid of somebody else','[]','[]','[]',NULL,NULL,NULL,'','<p>Another one uses the guid<br>of somebody else</p>');
INSERT INTO "entries" VALUES(12,3,'tag:notes.example,2026:1
https://notes.example/notes/first.html','2cc7a5871f2dd0231b38b5b4293bee8d',0,1767949200,1768039200,1,0,'news','tag:notes.example,2026:1','news/A-tag.md','news/a-tag.md','tag:notes.example,2026:1','https://notes.example/notes/first.html','A tag','["Mo"]','[]','[]',NULL,NULL,NULL,'','<pre>a

b</pre><a href="https://notes.example/notes/second.html" target="_blank">relative</a>');
INSERT INTO "entries" VALUES(13,3,'urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8','870489c87c5138ae9002bdacfd3b989d',0,1768125600,1768125600,1,0,'news','urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8','news/A-URN.md','news/a-urn.md','urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8','https://notes.example/second.html','A URN','[]','[]','[{"url":"https://notes.example/a.mp3","type":"audio/mpeg","length":10,"title":null,"duration":null}]',NULL,NULL,NULL,'','<p>Only a summary &amp; a sign</p>');
INSERT INTO "entries" VALUES(14,3,'tag:notes.example,2026:1
https://notes.example/notes/third.html','81101bdf9d074c4d2d10c8d7288b5e65',0,1768212000,1768212000,1,0,'news','urn:uuid:231e86a0-fe55-5763-9efa-eeff4ba4b87e','news/A-tag,-told-twice.md','news/a-tag,-told-twice.md','tag:notes.example,2026:1','https://notes.example/notes/third.html','A tag, told twice','[]','[]','[]',NULL,NULL,NULL,'','<p>again</p>');
INSERT INTO "entries" VALUES(15,6,'https://ended.example/last','94c6da94b3b63e68b959be43edfcc689',0,1768464000,1768464000,1,0,NULL,'https://ended.example/last','news/The-last-words.md','news/the-last-words.md','https://ended.example/last','https://ended.example/last','The last words','[]','[]','[]',NULL,NULL,NULL,'','The end.');
INSERT INTO "entries" VALUES(16,5,'https://shrinking.example/still','547a0716259cb9bf216d28597226a2de',0,1768550400,1768550400,1,0,'news','https://shrinking.example/still','news/Still-there.md','news/still-there.md','https://shrinking.example/still','https://shrinking.example/still','Still there','[]','[]','[]',NULL,NULL,NULL,'','Still.');
INSERT INTO "entries" VALUES(17,5,'https://shrinking.example/gone','2bd05df6af3e1ed45febdaee6d7db6d2',0,1768636800,1768636800,1,0,'news','https://shrinking.example/gone','news/Gone-from-its-feed.md','news/gone-from-its-feed.md','https://shrinking.example/gone','https://shrinking.example/gone','Gone from its feed','[]','[]','[]',NULL,NULL,NULL,'','Gone.');
CREATE TABLE fingerprints (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_fingerprints PRIMARY KEY (name)
);
INSERT INTO "fingerprints" VALUES('posts/news','3893ee170a9cb02cfc5f6e535ee4f2b420a9e9f7dc35c413432a3db32aa9dee2');
INSERT INTO "fingerprints" VALUES('feeds/news','25e5aa6440a1870af44972f91b4ced81b7dbc711c9bdd7d862df69181ccaaf18');
INSERT INTO "fingerprints" VALUES('feeds/all','ff523270e525ba63b9f1f4176c173cf0b25266311523cc0456adccc7ae4032c4');
INSERT INTO "fingerprints" VALUES('opml','29212d43b3dda449f6eeb62916ed506dbe5371d36c662b0fd66a84c9beb01cec');
CREATE TABLE host_days (
	day DATE NOT NULL, 
	host TEXT NOT NULL, 
	requests BIGINT NOT NULL, 
	documents BIGINT NOT NULL, 
	not_modified BIGINT NOT NULL, 
	received BIGINT NOT NULL, 
	decoded BIGINT NOT NULL, 
	held BIGINT NOT NULL, 
	CONSTRAINT pk_host_days PRIMARY KEY (day, host)
);
CREATE TABLE host_waits (
	host TEXT NOT NULL, 
	until BIGINT NOT NULL, 
	CONSTRAINT pk_host_waits PRIMARY KEY (host)
);
CREATE TABLE sources (
	pk INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	url TEXT NOT NULL, 
	name TEXT, 
	category TEXT NOT NULL, 
	section TEXT, 
	explicit_id BOOLEAN NOT NULL, 
	active BOOLEAN NOT NULL, 
	title TEXT, 
	home_url TEXT, 
	etag TEXT, 
	last_modified TEXT, 
	body_hash TEXT, 
	request_hash TEXT, 
	last_attempt_at BIGINT, 
	last_success_at BIGINT, 
	next_due_at BIGINT, 
	failures INTEGER NOT NULL, 
	failure_kind TEXT, 
	error TEXT, 
	entries INTEGER NOT NULL, due_why TEXT, rhythm TEXT, feed_hints TEXT, gone_days INTEGER DEFAULT '0' NOT NULL, gone_last DATE, outages INTEGER DEFAULT '0' NOT NULL, moved_to TEXT, moved_since BIGINT, 
	CONSTRAINT pk_sources PRIMARY KEY (pk), 
	CONSTRAINT uq_sources_id UNIQUE (id)
);
INSERT INTO "sources" VALUES(1,'guids','feed','{ORIGIN}/guids.xml',NULL,'news',NULL,1,1,'Lamps & Wicks','https://lamps.example/',NULL,NULL,'6368a34e12741906124664309517d96a3771c6e06e27bdbb03a6b5a578e9e66d','98a3429a25cc75111db157b8e49d73c955b5e272507ce331637d926bf2845857',1795812406,1795812406,1795816006,0,NULL,NULL,4,'the server offers no validator, so once an hour at most','1767600000 1795812405 1767774600 5.593e-98 0 0 0 0 0 0 0 0.006965 0.01169 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.004567 0.004643 0.009442 0 0 0 0',NULL,0,NULL,0,NULL,NULL);
INSERT INTO "sources" VALUES(2,'bare','feed','{ORIGIN}/bare.xml',NULL,'news',NULL,1,1,'Bare','https://bare.example/',NULL,NULL,'715a59b044efe1a199707604e35e4b68b1c709e47b3545ce7239ddcd62d2bf5e','082be27ce0cf10e4e8f38f5610830381adb0c710956d1d4b31fbe370945bbbf8',1795812406,1795812406,1795816006,0,NULL,NULL,5,'the server offers no validator, so once an hour at most','1767830400 1795812406 1767830400 3.211e-98 0.002386 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.002386 0 0 0 0.004772 0 0 0',NULL,0,NULL,0,NULL,NULL);
INSERT INTO "sources" VALUES(3,'atom','feed','{ORIGIN}/atom.xml',NULL,'news',NULL,1,1,'Tags and URNs','https://notes.example/',NULL,NULL,'0cc324ad52fe7f4cd0a3053259abf8dc6953e8e3b4c74163a5ebacc0580fc2d2','0914593db9cbdc6b2a3f28e2cbad7d75aeb6caf7d6177251de45502866d7d278',1795812406,1795812406,1795817715,0,NULL,NULL,3,'every 1h','1767949200 1795812406 1768212000 1.112e-96 0 0 0 0 0 0 0 0 0.002441 0.007532 0.005091 0 0 0 0 0 0 0 0 0 0 0 0 0 0.005133 0 0 0 0.004882 0 0.005049',NULL,0,NULL,0,NULL,NULL);
INSERT INTO "sources" VALUES(4,'feed','feed','{ORIGIN}/feed.json',NULL,'news',NULL,1,1,'Numbers','https://numbers.example/',NULL,NULL,'544d2cc78be3b9b7286f29f51023526d0b4334fa0427762df5ae63ee43600875','5dc6f5af2847a635fcb2aa8b7f4f2a3284ee4f63253e016dadebd430ecbdd304',1795812406,1795812406,1795816006,0,NULL,NULL,2,'the server offers no validator, so once an hour at most','1768298400 1795812406 1768384800 4.115e-96 0 0 0 0 0 0 0 0 0 0.005262 0.005262 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.005219 0.005305 0 0 0 0',NULL,0,NULL,0,NULL,NULL);
INSERT INTO "sources" VALUES(5,'shrinking','feed','{ORIGIN}/shrinking.xml',NULL,'news',NULL,1,1,'Shrinking','https://shrinking.example/',NULL,NULL,'f8535227abecdfe53a55e7ceab542c4fca551d3ae7127280b7a3c6443d770ea3','65b96f5381ebd3976206b4c7beb81dd2550ec978d92cd296b54e5126e9ab81ec',1795812406,1795812406,1795816058,0,NULL,NULL,2,'every 1h','1768550400 1795812406 1768636800 3.107e-95 0 0 0 0 0 0 0 0.005521 0.005521 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.005476 0.005567 0',NULL,0,NULL,0,NULL,NULL);
INSERT INTO "sources" VALUES(6,'ended','feed','{ORIGIN}/ended.xml',NULL,'news',NULL,1,0,'Ended','https://ended.example/',NULL,NULL,'1f876d29a6ac5adb5a17bca3869ce57cc3c0123a991c5864b406bce01c26a571','a2272541ccd00277052a12a72a0ad122721c4f00c4c682d6327370daef6acb22',1795812406,1795812406,1795816006,0,NULL,NULL,1,'the server offers no validator, so once an hour at most','1768464000 1795812406 1768464000 5.179e-96 0 0 0 0 0 0 0 0.002693 0.002693 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0.005386 0 0 0',NULL,0,NULL,0,NULL,NULL);
CREATE TABLE tombstones (
	source_pk INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	public_id TEXT, 
	path_key TEXT, 
	CONSTRAINT pk_tombstones PRIMARY KEY (source_pk, "key"), 
	CONSTRAINT fk_tombstones_source_pk_sources FOREIGN KEY(source_pk) REFERENCES sources (pk), 
	CONSTRAINT uq_tombstones_public_id UNIQUE (public_id), 
	CONSTRAINT uq_tombstones_path_key UNIQUE (path_key)
);
CREATE INDEX ix_sources_due ON sources (active, next_due_at);
CREATE INDEX ix_entries_listed_by_category ON entries (category, published_at DESC, public_id) WHERE category IS NOT NULL AND public_id IS NOT NULL;
CREATE INDEX ix_entries_listed ON entries (published_at DESC, public_id) WHERE category IS NOT NULL AND public_id IS NOT NULL;
CREATE INDEX ix_entries_pending ON entries (published_at, category, pending) WHERE pending = 1 AND category IS NOT NULL;
COMMIT;
