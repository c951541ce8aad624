"""Two hundred file names as people and machines write them, and the show of `show_catalogue` each belongs to.

None: a person has to say. Written by hand against the catalogue's numbers.
"""

ASK = None

# Shape 1: number, reel, title, date in parentheses.
NUMBER_REEL_AND_DATE: tuple[tuple[str, int | None], ...] = (
    ("18136-1-Birchwood City Council (20210209).mp4", 18136),
    ("20453-1-Birchwood City Council (20220412).mp4", 20453),
    ("21622-1-Birchwood City Council (20221108).mp4", 21622),
    ("14517-1-Grant City Council (20190402).mp4", 14517),
    ("16309-1-Grant City Council Meeting (20200303).mp4", 16309),
    ("18101-1-GRANT CITY COUNCIL (20210202).mp4", 18101),
    ("20418-1-Grant Council Meeting_(20220405).mp4", 20418),
    ("18213-1-Willernie City Council (20210217).mp4", 18213),
    ("20530-1-Willernie Council (20220420).mov", 20530),
    ("18108-1-Lake Elmo City Council (20210202).mp4", 18108),
    ("18150-1-Lake Elmo City Council Workshop (20210209).mp4", 18150),
    ("18129-1-Lake Elmo Planning Comission (20210208).mp4", 18129),
    ("20537-2-Lake Elmo Planning Commission (20220425).mp4", 20537),
    ("19690-1-Lake Elmo Parks Commission (20211115).mp4", 19690),
    ("18115-1-Mahtomedi City Council (20210202).mp4", 18115),
    ("18178-1-Mahtomedi Planning Commission (20210210).mp4", 18178),
    ("18185-1-Mahtomedi School Board (20210211).mp4", 18185),
    ("16253-1-Mahtomedi Environmental Comittee (20200219).mp4", 16253),
    ("18157-1-Oakdale City Council (20210209).mp4", 18157),
    ("18164-1-Oakdale City Council Workshop (20210209).mp4", 18164),
    ("18234-1-Oakdale City Council (20210223).mp4", 18234),
    ("18122-1-Oakdale Planning Commission (20210204).mp4", 18122),
    ("18171-1-White Bear Lake City Council (20210209).mp4", 18171),
    ("18227-1-White Bear Lake Planning Commission (20210222).mp4", 18227),
    ("18192-1-White Bear Township Board (20210215).mp4", 18192),
    ("20411-1-WBT Town Board (20220404).mp4", 20411),
    ("20397-1-Joint Meeting White Bear Lake & Township (20220330).mp4", 20397),
    ("21209-1-Oakdale City Council Special Meeting (20220816).mp4", 21209),
    ("18689-1-Grant City Council Special Meeting (20210518).mp4", 18689),
    ("18787-1-Birchwood City Council (20210607).mp4", 18787),  # stamped the day before
    ("18801-1-Lake Elmo Workshop (20210609).mp4", 18801),  # the show was entered that day; a day off
    ("18948-1-Harbor City Council (20210630).mp4", 18948),  # the event date is another; its title has the day
    ("20600-1-José Reyes- A Portrait (20220505).mp4", 20600),
    ("21447-1-Candidate Forum Oakdale Mayor (20221006).mp4", 21447),
    # The number is another show's.
    ("18101-1-Birchwood City Council (20210209).mp4", ASK),
    ("18157-1-Oakdale Planning Commission (20210209).mp4", ASK),
    ("18192-1-White Bear Lake City Council (20210215).mp4", ASK),
    ("18171-1-White Bear Township Board (20210209).mp4", ASK),
    (
        "18157-1-Oakdale City Council Workshop (20210209).mp4",
        ASK,
    ),  # the council's number, that same day
    ("18136-1-Birchwood City Council (20210309).mp4", ASK),  # a month later
    ("20411-1-White Bear Township Board (20220418).mp4", ASK),  # the next one
    ("18948-1-Harbor City Council (20210706).mp4", ASK),
    ("20733-1-Oakdale Summer Concert (20220608).mp4", ASK),  # a show without a title, a week off
    ("99999-1-Birchwood City Council (20220412).mp4", ASK),  # nobody has that number
    ("2022-1-Birchwood City Council (20220412).mp4", ASK),
    ("18871-1-Manitou Days Parade (20210619).mp4", ASK),
)

# Shape 2: the title cut at 18 to 20 letters, no date.
CUT: tuple[tuple[str, int | None], ...] = (
    ("18136-1-Birchwood City Counc.mp4", 18136),
    ("19137-1-Birchwood Council Me.mp4", 19137),
    ("18262-1-Grant City Council M.mp4", 18262),
    ("19214-1-Willernie City Cou.mp4", 19214),
    ("18143-1-Dellwood City Counci.mp4", 18143),
    ("19109-1-Lake Elmo City Counc.mp4", 19109),
    ("19151-1-Lake Elmo City Cou.mp4", 19151),
    ("18843-1-Lake Elmo Planning C.mp4", 18843),
    ("18206-1-Mahtomedi City Cou.mp4", 18206),
    ("19179-1-Mahtomedi Planning C.mp4", 19179),
    ("19186-1-Mahtomedi School B.mov", 19186),
    ("18885-1-Oakdale City Council.mp4", 18885),
    ("18815-1-Oakdale Council Work.mp4", 18815),
    ("19123-1-Oakdale Planning Com.mp4", 19123),
    ("18892-1-White Bear Lake City.mp4", 18892),
    ("18913-1-White Bear Lake Plan.mp4", 18913),
    ("18878-1-White Bear Township.mp4", 18878),
    ("19095-1-White Bear Townshi.mp4", 19095),
    ("18871-1-White Bear Lake Shor.mp4", 18871),
    ("17548-1-Joint Meeting_ Dellw.mp4", 17548),
    ("21244-1-WBL City Council Mee.mp4", 21244),
    ("19403-1-Birchwood City Cou.mp4", 19403),
    ("21139-1-dellwood city counci.MP4", 21139),
    ("20495-1-Mahtomedi Planing Co.mp4", 20495),
    ("18899-1-Manitou Days Parad.mp4", 18899),
    ("20453-1-Birchwood City Council (2022.mp4", 20453),
    # Cut names of other shows than their number's, and cut names without a number.
    ("18136-1-Grant City Council M.mp4", ASK),
    ("18878-1-White Bear Lake City.mp4", ASK),
    ("18892-1-White Bear Township.mp4", ASK),
    ("18122-1-Oakdale City Council.mp4", ASK),
    ("18185-1-Mahtomedi Planning C.mp4", ASK),
    ("18115-1-Mahtomedi School B.mp4", ASK),
    ("Birchwood City Counc.mp4", ASK),
    ("Lake Elmo Planning C.mp4", ASK),
)

# Shape 3: the number without a reel, or with spaces.
NUMBER_ALONE: tuple[tuple[str, int | None], ...] = (
    ("14174-Grant Special Meeting (20190129).mp4", 14174),
    ("17625 - Lake Elmo City Council 11032020.mov", 17625),
    ("17646 - Lake Elmo Planning Commission 11092020.mov", 17646),
    ("17716 - Lake Elmo CC 11172020.mov", 17716),
    ("16330-Oakdale Planning Commission.mp4", 16330),
    ("15525-Birchwood.mp4", 15525),
    ("15483 - Grant City Council Mtg.mp4", 15483),
    ("15602-Willernie city council 10-16-19.mp4", 15602),
    ("14930-Shortest Marathon 2019.mp4", 14930),
    ("14993 - Manitou Days Parade (6-27-2019).mp4", 14993),
    ("21447 - Candidate Forum Oakdale Mayor.mp4", 21447),
    ("20600-Jose Reyes A Portrait.mov", 20600),
    ("21503-WBL Council 10.11.22.mp4", 21503),
    ("21419 - White Bear Town Board Oct 3 2022.mp4", 21419),
    ("14013-Grant Special Meeting (20190129).mp4", ASK),  # the number of a regular meeting weeks before
    ("16358-Lake Elmo council workshop March 10, 2020.mp4", 16358),
    ("16365-1 Oakdale City Council.mp4", 16365),
    ("16372-1 Oakdale City Council Workshop.mp4", 16372),
    ("19249-Oakdale City Council Meeting 8_25_2021.mp4", 19249),
    ("18332-Town Board Annual Meeting.mp4", 18332),
    ("17492 - Dellwood City Council 10-13-2020.mp4", ASK),
    ("17569 - Willernie Council 9-16-2020.mp4", ASK),
    ("16323-Oakdale.mp4", ASK),
    ("20859 - Grant City Council.mp4", ASK),
    ("20733 - Something Else Entirely.mp4", ASK),
)

# Shape 4: named by hand, with a date.
BY_HAND: tuple[tuple[str, int | None], ...] = (
    ("Grant City Council Meeting - 02 02 2021.mp4", 18101),
    ("Grant City Council (09_07_2021).mp4", 19277),
    ("Birchwood City Council 6_8_21.mp4", 18787),
    ("Birchwood City Council Meeting September 14, 2021.mp4", 19319),
    ("birchwood council 2022-03-08.mp4", 20278),
    ("Birchwood Village City Council 4.12.2022.mp4", 20453),
    ("Dellwood City Council June 8th 2021.mov", 18794),
    ("DELLWOOD COUNCIL MEETING 10_13_2020.MP4", 17499),
    ("Willernie City Council - Aug 18, 2021.mp4", 19214),
    ("Willernie council mtg 11-16-22.mp4", 21699),
    ("2021-02-02 Lake Elmo City Council.mp4", 18108),
    ("02-16-2021 Lake Elmo City Council Meeting.mp4", 18199),
    ("Lake Elmo_Planning_Commission_2021_06_28.mp4", 18906),
    ("Lake Elmo City Council Work Session 8-10-21.mp4", 19151),
    ("Lake Elmo Parks Comission 11-15-2021.mp4", 19690),
    ("Mahtomedi City Council (06_15_2021).mp4", 18857),
    ("Mahtomedi council 3 15 22.mp4", 20348),
    ("Mahtomedi Planning Commision Sept. 8 2021.mp4", 19298),
    ("Mahtomedi School Board Meeting 10 Nov 2022.mp4", 21671),
    ("Mahtomedi Environmental Commission - February 19, 2020.mp4", 16253),
    ("Oakdale City Council 2_9_2021.mp4", 18157),
    ("Oakdale City Council Workshop 2_9_2021.mp4", 18164),
    ("Oakdale Workshop Council - 02 09 21.mp4", 18164),
    ("Oakdale Planning Commission, March 3, 2022.mp4", 20264),
    ("Oakdale special city council 8-16-22.mp4", 21209),
    ("Oakdale City Council (2022-11-22).mp4", 21713),
    ("White Bear Lake City Council 3-22-2022.mp4", 20376),
    ("WBL City Council 11_8_22.mp4", 21657),
    ("wbl planning commission 2021.08.23.mp4", 19228),
    ("White Bear City Council 2-9-21.mp4", 18171),  # alone it is the Lake
    ("White Bear Township Board 06-07-2021.mp4", 18780),
    ("WBT Board - June 21 2021.mp4", 18878),
    ("White Bear Twp Board 8_2_21.mp4", 19095),
    ("White Bear Township Town Board Meeting Sep 20, 2021.mp4", 19368),
    ("White Bear Town Board 3-7-22.mp4", 20271),
    ("Joint meeting of White Bear Lake and White Bear Township 3-30-2022.mp4", 20397),
    ("Dellwood Grant Joint Council Meeting 10-20-2020.mp4", 17548),
    ("Birchwood Budget Workshop Council 9_28_2021.mp4", 19403),
    ("Grant Special Meeting 1-29-2019.mp4", 14174),
    ("Harbor City Council 6-30-21.mp4", 18948),
    ("White Bear Lake Shortest Marathon 6-19-21.mp4", 18871),
    ("Shortest Marathon (20220618).mp4", 20859),
    ("Manitou Days Parade 6_22_23.mp4", 22847),
    ("José Reyes - A Portrait - May 5 2022.mp4", 20600),
    ("Oakdale City Council Aug 25 2021.mp4", 19249),  # entered without its city on Oakdale's channel
    # Nothing here tells which, or two do.
    ("City Council 6_8_21.mp4", ASK),
    ("Oakdale Council - 02 23 2021.mp4", ASK),  # entered twice
    ("White Bear Lake City Council 11-22-2022.mp4", ASK),  # entered twice
    ("Birchwood City Council 3-10-20.mp4", ASK),  # entered twice
    ("White Bear Board 2-15-21.mp4", ASK),
    ("Dellwood City Council 10-20-2020.mp4", ASK),  # only the joint meeting was that day
    ("Grant City Council 5-18-21.mp4", ASK),  # only the special one was that day
    ("Lake Elmo Workshop Planning Commission 2-8-21.mp4", ASK),
    ("Grant City Council 2-9-2021.mp4", ASK),  # Dellwood met that day
    ("Birchwood City Council June 9 2021.mp4", ASK),  # a day off
    ("Harbor City Council 7-6-21.mp4", ASK),
    ("Oakdale 2_9_2021.mp4", ASK),
    ("Mayor's Corner.mp4", ASK),
    ("Stillwater City Council 2-9-21.mp4", ASK),
    ("Town Board 2-15-21.mp4", ASK),
    ("North St Paul City Council 2_16_2021.mp4", ASK),
)

# Shape 5: dates that are awkward.
AWKWARD: tuple[tuple[str, int | None], ...] = (
    ("Grant City Council 02 02 2021_2021-06-11_08_47_36.mp4", 18101),
    ("Birchwood City Council 6_8_21_2023-01-10_19_01_12.mp4", 18787),
    ("Lake Elmo City Council 11032020.mp4", 17625),
    ("Oakdale City Council 20211012.mov", 19494),
    ("Mahtomedi City Council 202183.mp4", 19116),
    ("Willernie City Council 2021818.mp4", 19214),
    ("Grant City Council 832021.mp4", 19102),
    ("Dellwood council recorded 6 8 21_1.mp4", 18794),
    ("WBL City Council recorded on 2 9 21.mp4", 18171),
    ("Birchwood City Council 061422.mp4", 20810),
    ("Oakdale Planning Commission 080522.mp4", ASK),  # a day off
    ("Lake Elmo City Council 101822.mp4", 21531),
    ("Mahtomedi School Board 8_12_2021 (1).mp4", 19186),
    ("Birchwood City Council 4-12-2022 copy.mp4", 20453),
    ("White Bear Lake City Council 2022.03.08_captioned.mp4", 20313),
    ("Lake Elmo City Council 15 Feb 2022.mp4", 20180),
    ("18787-Birchwood City Council - 6_8.mp4", 18787),
    ("18787-1-Birchwood City Council_2021-06-08_18-58-01.mp4", 18787),
    ("19172-1-White Bear Lake City Council - August 10.mp4", 19172),
    ("Oakdale City Council - 7_29.mp4", ASK),
    ("Birchwood City Council - 6_8.mp4", ASK),
    ("Mahtomedi Council Aug 3.mp4", ASK),
    ("Grant City Council_2021-02-02_18-58-40.mp4", ASK),  # when it was recorded, not what
    ("Oakdale City Council 101112.mp4", ASK),
    ("Willernie City Council 111621.mp4", ASK),
    ("18787-Birchwood City Council - 7_13.mp4", ASK),
)

# Shape 6: the city in the name is not the server's, and what is no meeting at all.
ELSEWHERE: tuple[tuple[str, int | None], ...] = (
    ("White Bear Lake Shortest Marathon.mp4", ASK),  # every year has one
    ("20859-1-White Bear Lake Shortest Marathon.mp4", 20859),
    ("21412-1-The Mayor's Corner.mp4", 21412),
    ("The Mayors Corner Oct 1, 2022.mp4", 21412),
    ("Manitou Days Parade.mov", ASK),
    ("test.mp4", ASK),
    ("2021.mp4", ASK),
    ("New Recording 12.mp4", ASK),
    ("2021-06-08 18-59-12.mp4", ASK),
)

NAMES = (*NUMBER_REEL_AND_DATE, *CUT, *NUMBER_ALONE, *BY_HAND, *AWKWARD, *ELSEWHERE)
