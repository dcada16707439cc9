"""Words for the names of generated product bases; people and clubs are invented."""

from typing import NamedTuple

from korus_mcp.sandbox.texts import texts


class City(NamedTuple):
    """A town with its postal code and country."""

    name: str
    postal_code: str
    country: str


def _words(text: str) -> list[str]:
    return text.split()


# Real towns, some with letters that are not on every keyboard, to test the search.
CITIES = tuple(
    City(*name.split("/"))
    for name in _words("""
    Nantes/44000/FR Lyon/69000/FR Lille/59000/FR Bordeaux/33000/FR Rennes/35000/FR
    Strasbourg/67000/FR Toulouse/31000/FR Marseille/13000/FR Nice/06000/FR Grenoble/38000/FR
    Dijon/21000/FR Angers/49000/FR Brest/29200/FR Clermont-Ferrand/63000/FR Limoges/87000/FR
    Metz/57000/FR Nancy/54000/FR Orléans/45000/FR Perpignan/66000/FR Reims/51100/FR
    Rouen/76000/FR Toulon/83000/FR Tours/37000/FR Amiens/80000/FR Besançon/25000/FR
    Caen/14000/FR Annecy/74000/FR Avignon/84000/FR Bayonne/64100/FR Chambéry/73000/FR
    Bruxelles/1000/BE Liège/4000/BE Namur/5000/BE Genève/1201/CH Lausanne/1003/CH
    Luxembourg/1009/LU Barcelone/08001/ES Séville/41001/ES Valence/46001/ES Turin/10121/IT
    Bologne/40121/IT Gênes/16121/IT Porto/4000/PT Lisbonne/1100/PT Londres/SE1/GB Leeds/LS1/GB
    Cologne/50667/DE Leipzig/04109/DE Hambourg/20095/DE Vienne/1010/AT
    """)
)
ANIMALS = _words("""
    Hérons Lynx Chamois Loutres Faucons Sangliers Cigognes Renards Martinets Dauphins Castors
    Bouquetins Hiboux Milans Éperviers Genettes Isards Grues
    """)
HEADS = texts("""
    Le Chant / The Song; La Ronde / The Round; L'Ombre / The Shadow; Le Voyage / The Journey;
    La Mémoire / The Memory; Le Bal / The Ball; Les Contes / The Tales;
    La Fabrique / The Workshop; Le Silence / The Silence; La Révolte / The Revolt;
    Le Secret / The Secret; Les Jardins / The Gardens; La Traversée / The Crossing;
    Le Théâtre / The Theatre; La Légende / The Legend; L'Atlas / The Atlas;
    Le Cirque / The Circus; La Symphonie / The Symphony; Les Noces / The Wedding;
    Le Procès / The Trial; La Nuit / The Night; Le Retour / The Return; L'Horloge / The Clock;
    Les Aventures / The Adventures
    """)
TAILS = texts("""
    des lucioles / of the Fireflies; du capitaine / of the Captain; des marées / of the Tides;
    de l'horloger / of the Clockmaker; des géants / of the Giants; du phare / of the Lighthouse;
    des saltimbanques / of the Acrobats; de la comète / of the Comet;
    des oubliés / of the Forgotten; du grand nord / of the Far North;
    des sirènes / of the Mermaids; de verre / of Glass; des abeilles / of the Bees;
    du renard bleu / of the Blue Fox; des machines / of the Machines; de papier / of Paper;
    du volcan / of the Volcano; des étoiles filantes / of the Shooting Stars;
    de minuit / of Midnight; du funambule / of the Tightrope Walker;
    des sept vallées / of the Seven Valleys; de l'écluse / of the Canal Lock;
    du colibri / of the Hummingbird; des archives / of the Archives
    """)
FIRST_NAMES = _words("Alba Bastien Céleste Dorian Elouan Faustine Gaspard Héloïse Isaure Joachim")
LAST_NAMES = _words("Valmorel Quercy Tisserand Loriol Castelan Morvan Ardenois Brisefer Solène")
COMPETITIONS = texts("""
    Ligue Azur / Ligue Azur; Coupe des Provinces / Provinces Cup; Trophée d'été / Summer Trophy
    """)
