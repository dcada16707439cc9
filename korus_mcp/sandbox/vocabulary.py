"""The words generated product bases are named with; people and clubs are invented."""

from typing import NamedTuple

from korus_mcp.sandbox.texts import Text


class City(NamedTuple):
    """A town with its postal code and country."""

    name: str
    postal_code: str
    country: str


def _words(text: str) -> list[str]:
    return text.split()


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
HEADS = (
    Text("Le Chant", "The Song"),
    Text("La Ronde", "The Round"),
    Text("L'Ombre", "The Shadow"),
    Text("Le Voyage", "The Journey"),
    Text("La Mémoire", "The Memory"),
    Text("Le Bal", "The Ball"),
    Text("Les Contes", "The Tales"),
    Text("La Fabrique", "The Workshop"),
    Text("Le Silence", "The Silence"),
    Text("La Révolte", "The Revolt"),
    Text("Le Secret", "The Secret"),
    Text("Les Jardins", "The Gardens"),
    Text("La Traversée", "The Crossing"),
    Text("Le Théâtre", "The Theatre"),
    Text("La Légende", "The Legend"),
    Text("L'Atlas", "The Atlas"),
    Text("Le Cirque", "The Circus"),
    Text("La Symphonie", "The Symphony"),
    Text("Les Noces", "The Wedding"),
    Text("Le Procès", "The Trial"),
    Text("La Nuit", "The Night"),
    Text("Le Retour", "The Return"),
    Text("L'Horloge", "The Clock"),
    Text("Les Aventures", "The Adventures"),
)
TAILS = (
    Text("des lucioles", "of the Fireflies"),
    Text("du capitaine", "of the Captain"),
    Text("des marées", "of the Tides"),
    Text("de l'horloger", "of the Clockmaker"),
    Text("des géants", "of the Giants"),
    Text("du phare", "of the Lighthouse"),
    Text("des saltimbanques", "of the Acrobats"),
    Text("de la comète", "of the Comet"),
    Text("des oubliés", "of the Forgotten"),
    Text("du grand nord", "of the Far North"),
    Text("des sirènes", "of the Mermaids"),
    Text("de verre", "of Glass"),
    Text("des abeilles", "of the Bees"),
    Text("du renard bleu", "of the Blue Fox"),
    Text("des machines", "of the Machines"),
    Text("de papier", "of Paper"),
    Text("du volcan", "of the Volcano"),
    Text("des étoiles filantes", "of the Shooting Stars"),
    Text("de minuit", "of Midnight"),
    Text("du funambule", "of the Tightrope Walker"),
    Text("des sept vallées", "of the Seven Valleys"),
    Text("de l'écluse", "of the Canal Lock"),
    Text("du colibri", "of the Hummingbird"),
    Text("des archives", "of the Archives"),
)
FIRST_NAMES = _words("Alba Bastien Céleste Dorian Elouan Faustine Gaspard Héloïse Isaure Joachim")
LAST_NAMES = _words("Valmorel Quercy Tisserand Loriol Castelan Morvan Ardenois Brisefer Solène")
COMPETITIONS = (
    Text("Ligue Azur", "Ligue Azur"),
    Text("Coupe des Provinces", "Provinces Cup"),
    Text("Trophée d'été", "Summer Trophy"),
)
