"""Words that carry grammar rather than meaning, per language, in lower case and as `text.py` splits them."""

STOP_WORDS = {
    "en": """
        a about above after again against ain't all also am an and any are aren't as at be because been before
        being below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't
        down during each few for from further had hadn't has hasn't have haven't having he her here hers herself
        him himself his how i if in into is isn't it its itself just let me might mightn't more most must
        mustn't my myself needn't no nor not of off on once only or other ought our ours ourselves out over own
        rt same shan't she should shouldn't so some such than that the their theirs them themselves then there
        these they this those through to too under until up us very via was wasn't we were weren't what when
        where which while who whom why will with won't would wouldn't y'all you your yours yourself yourselves
    """,
    "de": """
        aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bin bis bist
        da damit dann das dass dasselbe dazu dein deine dem den denn der des dich die dies diese diesem diesen
        dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwas euch euer eure für
        gegen gewesen hab habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren
        ihrer im in indem ins ist ja jede jedem jeden jeder jedes jetzt kann kein keine keinem keinen keiner
        können könnte machen man manche mein meine mich mir mit muss nach nicht nichts noch nun nur ob oder ohne
        schon sehr sein seine seinen seiner sich sie sind so solche soll sondern sonst über um und uns unser
        unsere unter viel vom von vor war waren warst was weg weil weiter welche wenn werde werden wie wieder
        will wir wird wirst wo wollen würde würden zu zum zur zwar zwischen
    """,
    "es": """
        a al algo algunas algunos ante antes aquí aunque bien cada como con contra cual cuando de del desde
        donde dos el él ella ellas ellos en entre era eran es esa esas ese eso esos esta está están estar estas
        este esto estos estoy fue fueron ha había han hasta hay he hemos la las le les lo los más me mi mis
        mucho muy nada ni no nos nosotros o os otra otro para pero poco por porque que qué quien quién se sea
        ser si sí sido sin sobre son soy su sus también tan tanto te tengo ti tiene todo todos tu tú tus un una
        uno unos usted ya y yo
    """,
    "fr": """
        à a ai aie ainsi alors as au aucun aussi autre aux avais avait avec avez avoir avons bien ça car ce ceci
        cela ces cet cette ceux chaque chez comme comment dans de des du donc dont elle elles en encore entre es
        est et étaient était été être eu fait faut ici il ils je la là le les leur leurs lui ma mais me même mes
        moi mon ne ni non nos notre nous on ont ou où par parce pas peu plus pour pourquoi qu quand que quel
        quelle qui sa sans se sera ses si son sont sous sur ta te tes toi ton tous tout très trop tu un une vos
        votre vous y
    """,
    "it": """
        a ad agli ai al alla alle allo anche ancora avere aveva c che chi ci come con contro cosa cui da dai dal
        dalla dalle degli dei del della delle dello di dopo dove e è ed era erano essere fa fino fra gli ha hai
        hanno ho i il in io la le lei li lo loro lui ma me mi mia mio molto ne negli nei nel nella nelle no noi
        non nostro o ogni per perché però più poi quale quando quanto quella quelle quelli quello questa queste
        questi questo qui se sei senza si sia siamo solo sono sopra sotto sta stato su sua sue sugli sui sul
        sulla suo suoi te ti tra tu tutti tutto un una uno vi voi
    """,
    "pt": """
        a à ainda ao aos aquela aquele aqui as às até cada com como da das de dela dele deles depois do dos e é
        ela elas ele eles em entre era eram essa esse esta está estamos estão estar estas este estes eu foi
        foram há isso isto já lhe mais mas me mesmo meu meus minha muito na não nas nem no nos nós nossa nosso
        num numa o os ou para pela pelas pelo pelos por porque qual quando que quem se seja sem ser será seu
        seus só somos sou sua suas também te tem têm temos tenho ter teu teve tu tua um uma você vocês
    """,
}
